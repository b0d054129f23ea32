//! Vectors of buffers, as for `readv` and `writev`.

use core::ffi::c_void;
use core::mem::offset_of;

use libc::{iovec, msghdr};

use crate::hub::class::Class;
use crate::task::arguments;

/// Transfers the bytes of a vector of buffers after the first `done`, one buffer at a time, until
/// `transfer` moves less than it was given. How many bytes that makes, with the first ones.
///
/// # Safety
/// `vectors` are `count` valid buffers.
pub(super) unsafe fn rest(
    vectors: *const iovec,
    count: usize,
    mut done: usize,
    mut transfer: impl FnMut(*mut c_void, usize) -> isize,
) -> isize {
    let mut skip = done;
    // SAFETY: as the caller promises.
    for buffer in unsafe { core::slice::from_raw_parts(vectors, count) } {
        let before = skip.min(buffer.iov_len);
        skip -= before;
        let length = (buffer.iov_len - before).min(MOST - done);
        if length == 0 {
            continue;
        }
        let more = transfer(buffer.iov_base.wrapping_byte_add(before), length);
        if more <= 0 {
            break;
        }
        done += more as usize;
        if (more as usize) < length {
            break;
        }
    }
    done as isize
}

/// Whether `count` buffers, as for `readv`, are there and have no room at all: nothing is transferred
/// then, whatever the file.
pub(super) fn are_empty(vectors: *const iovec, count: i32) -> bool {
    let first = vectors.wrapping_byte_add(offset_of!(iovec, iov_len));
    if !arguments::is_readable_word(first.cast()) {
        return false;
    }
    // SAFETY: just seen.
    if unsafe { first.cast::<usize>().read_unaligned() } > 0 {
        return false;
    }
    let count = count as usize;
    arguments::are_readable(vectors.addr(), count * size_of::<iovec>())
        && (0..count).all(|place| {
            // SAFETY: just seen.
            unsafe { vectors.wrapping_add(place).read_unaligned() }.iov_len == 0
        })
}

/// No call transfers more (Linux, `MAX_RW_COUNT`).
pub(super) const MOST: usize = 0x7fff_f000;

/// A buffer.
pub fn one(place: *const c_void, length: usize) -> iovec {
    iovec {
        iov_base: place.cast_mut(),
        iov_len: length.min(MOST),
    }
}

/// `count` buffers as a message.
pub fn message_of(vectors: *const iovec, count: usize) -> msghdr {
    // SAFETY: all zeros is a message without anything.
    let mut message: msghdr = unsafe { core::mem::zeroed() };
    message.msg_iov = vectors.cast_mut();
    message.msg_iovlen = count;
    message
}

/// A vector of `count` buffers as the message that it is to a socket; `None` for files of another
/// `class`, and where the kernel has to refuse it or transfers nothing.
pub(super) fn as_message(
    class: Option<Class>,
    vectors: *const iovec,
    count: i32,
) -> Option<msghdr> {
    let is_socket = matches!(class, Some(Class::Tcp | Class::Socket));
    let is_valid = (1..=libc::UIO_MAXIOV).contains(&count);
    (is_socket && is_valid && !are_empty(vectors, count))
        .then(|| message_of(vectors, count as usize))
}

/// How many bytes a call transfers at most that has `count` buffers, as for `writev`; `None` if they are not there.
pub(super) fn length(vectors: *const iovec, count: usize) -> Option<usize> {
    let is_there = arguments::are_readable(vectors.addr(), count * size_of::<iovec>());
    is_there.then(|| {
        // SAFETY: just seen.
        let length = |place| unsafe { vectors.wrapping_add(place).read_unaligned() }.iov_len;
        let whole = (0..count).map(length).fold(0, usize::saturating_add);
        whole.min(MOST)
    })
}
