//! Receiving with `MSG_WAITALL`: no less than what was asked for.

use core::cell::Cell;
use core::ffi::c_void;

use libc::msghdr;

use super::look::{self, Ending};
use super::received::{found_nothing, settle};
use super::vectors::{self, message_of, one, rest};
use super::{EAGAIN, Operation, is_stream, rights};
use crate::hub::class::Class;
use crate::hub::descriptor::Descriptor;
use crate::sys::raw::syscall;
use crate::sys::socket;

/// `MSG_WAITALL`: goes on until `length` bytes have come, the stream ends, or
/// something goes wrong. `part`: something has come before, of the same call. `is_over`: whether what has come ends it.
pub(super) fn receive(
    operation: &mut Operation,
    part: bool,
    length: usize,
    flags: i32,
    is_over: &Cell<bool>,
    call: impl Fn(usize, i32) -> isize,
) -> isize {
    let fd = operation.fd;
    if flags & libc::MSG_PEEK != 0 {
        return peek_all(operation, length, flags, call);
    }
    let mut got = 0;
    loop {
        let has_part = part || got > 0;
        let result = operation.run(
            |entry, edges| {
                if has_part && let Some(result) = known_before(entry, fd) {
                    return result;
                }
                let result = call(got, flags | libc::MSG_DONTWAIT);
                if result == EAGAIN {
                    return found_nothing(entry, fd);
                }
                settle(entry, fd, edges, result, length - got, flags);
                result
            },
            || call(got, flags),
        );
        if result <= 0 {
            return if got > 0 { got as isize } else { result };
        }
        got += result as usize;
        // A message arrives whole, and a stream is read up to urgent data.
        if got >= length
            || is_over.get()
            || !is_stream(operation.entry, fd)
            || is_at_mark(fd)
            || !operation.part_done()
        {
            return got as isize;
        }
    }
}

/// What the next attempt of who has a part of the stream `fd` says, where it must not be made: it would take the urgent
/// data that comes next along, or drop it, and an error of TCP's. Both are for the next call (tcp_recvmsg_locked in the
/// kernel's net/ipv4/tcp.c, unix_stream_read_generic in net/unix/af_unix.c).
fn known_before(entry: &Descriptor, fd: i32) -> Option<isize> {
    let is_tcp = entry.class(fd) == Class::Tcp;
    if !is_tcp && socket::int_option(fd, libc::SO_DOMAIN) != Ok(libc::AF_UNIX) {
        return None;
    }
    loop {
        // Before the others: what comes meanwhile may be urgent, and is left alone.
        let is_empty = socket::unread(fd) == Ok(0);
        if is_at_mark(fd) {
            return Some(0);
        }
        if !is_empty {
            return None;
        }
        match look::ending(fd) {
            Ending::None => return Some(EAGAIN),
            // What has come before the end is there when that is seen.
            Ending::End if is_tcp && socket::unread(fd) == Ok(0) => return Some(0),
            Ending::End if is_tcp => {}
            // A Unix socket's error is taken by who has a part.
            Ending::End | Ending::Error => return None,
        }
    }
}

/// `MSG_PEEK | MSG_WAITALL`: what was seen is still there at the next look. Only TCP waits for more
/// than there is.
fn peek_all(
    operation: &mut Operation,
    length: usize,
    flags: i32,
    call: impl Fn(usize, i32) -> isize,
) -> isize {
    let fd = operation.fd;
    let seen = Cell::new(0);
    let result = operation.run(
        |entry, _| {
            // Before the look: what has come by then is seen.
            let is_last = entry.class(fd) != Class::Tcp || look::ends_here(fd);
            let result = call(0, flags | libc::MSG_DONTWAIT);
            if result == EAGAIN {
                return found_nothing(entry, fd);
            }
            seen.set(result.max(seen.get()));
            if is_last || result <= 0 || result as usize >= length {
                result
            } else {
                EAGAIN
            }
        },
        || call(0, flags),
    );
    if result < 0 && seen.get() > 0 {
        seen.get()
    } else {
        result
    }
}

/// Whether what comes next of the stream `fd` is urgent: no call takes that along with what was
/// before it (tcp(7), unix(7), `SIOCATMARK`).
fn is_at_mark(fd: i32) -> bool {
    let mut is_at = 0;
    // SAFETY: the place is live.
    unsafe { syscall!(SYS_ioctl, fd, SIOCATMARK, &raw mut is_at) == 0 && is_at != 0 }
}

/// <asm-generic/sockios.h>; the libc crate lacks it.
const SIOCATMARK: i32 = 0x8905;

/// The rest of a `recvmsg` with `MSG_WAITALL` after its first `got` bytes. `room`: how much the message had for
/// control data before them.
///
/// # Safety
/// The message is valid, and has been filled so far.
pub(super) unsafe fn fill(
    operation: &mut Operation,
    message: *mut msghdr,
    room: usize,
    got: usize,
    flags: i32,
) -> isize {
    let (fd, class) = (operation.fd, operation.entry.class(operation.fd));
    // SAFETY: as the caller promises.
    let (whole, is_last_part) = unsafe {
        let message = &*message;
        let whole = vectors::length(message.msg_iov, message.msg_iovlen);
        (whole, is_last(class, message))
    };
    let is_part = !is_last_part && whole.is_some_and(|whole| got < whole);
    if !is_part || !is_stream(operation.entry, fd) || !operation.part_done() {
        return got as isize;
    }
    let is_over = Cell::new(false);
    let receive = |place: *mut c_void, length: usize| {
        if is_over.get() {
            return 0;
        }
        receive(operation, true, length, flags, &is_over, |done, flags| {
            let buffer = one(place.wrapping_byte_add(done), length - done);
            let mut next = message_of(&raw const buffer, 1);
            // SAFETY: as the caller promises.
            unsafe {
                next.msg_control = (*message).msg_control;
                next.msg_controllen = room;
                let result = syscall!(SYS_recvmsg, fd, &raw mut next, flags);
                if result > 0 {
                    rights::adopt(&next);
                    is_over.set(is_last(class, &next));
                    add_control(&mut *message, &next);
                }
                result
            }
        })
    };
    // SAFETY: as recvmsg's caller promises.
    unsafe { rest((*message).msg_iov, (*message).msg_iovlen, got, receive) }
}

/// Whether a call on a stream of `class` takes nothing beyond what has come with `message`: descriptors, or more than
/// the caller has room for (Linux, net/unix/af_unix.c: `unix_stream_read_generic`).
///
/// # Safety
/// A message that recvmsg has filled.
unsafe fn is_last(class: Class, message: &msghdr) -> bool {
    // SAFETY: as the caller promises.
    class == Class::Socket
        && (message.msg_flags & libc::MSG_CTRUNC != 0 || unsafe { rights::have_come(message) })
}

/// What has come with a further part of `message`.
fn add_control(message: &mut msghdr, part: &msghdr) {
    if part.msg_controllen > 0 {
        message.msg_controllen = part.msg_controllen;
    }
    message.msg_flags |= part.msg_flags & libc::MSG_CTRUNC;
}
