//! Transfers that the kernel makes for a thread with a kernel thread of its own.
//!
//! A signal that is for somebody else ([`restart`](crate::signal::restart)) may end one after a part, and no system call
//! says so. So where no handler has run the rest goes the way of threads that park: whatever else may be the reason ends
//! it there as well. Until then the kernel waits, as it would natively.

use core::cell::Cell;

use libc::{iovec, msghdr};

use super::life::Life;
use super::received::AT_ONCE;
use super::vectors::{self, message_of};
use super::{Operation, file, is_stream, receive, send, wait_all};
use crate::glibc::real::real;
use crate::hub::class::Class;
use crate::hub::descriptor::Direction;
use crate::signal::socket_wait::Act;
use crate::signal::{Watch, actions, restart};
use crate::sys::clock::{self, Instant};
use crate::sys::raw::syscall;
use crate::task::{arguments, current};

pub use vectors::one;

/// The beginning of one.
struct Begun {
    life: Life,
    at: Instant,
    watch: Watch,
}

impl Begun {
    /// Of one that begins now. `None` where nothing ends it for nothing, or the caller cannot tell.
    fn new(fd: i32) -> Option<Self> {
        let me = current();
        if !me.is_wired() || me.is_critical() || me.is_apart() || !actions::are_known() {
            return None;
        }
        Some(Self {
            life: Life::of(me, fd)?,
            at: clock::now(),
            watch: Watch::new(me),
        })
    }

    /// What goes on after a part of it, unless that is all that a call takes, or its time is over.
    fn rest(self, direction: Direction) -> Option<Operation> {
        if self.life.entry.is_nonblocking(self.life.fd) {
            return None;
        }
        Operation::go_on(self.life, direction)
            .ended_by_handlers(self.watch)
            .since(self.at)
    }
}

/// Sends or writes `count` buffers by `call`, which waits in the kernel and is libc's.
///
/// # Safety
/// After a success of the call the buffers are valid.
#[cold]
#[inline(never)]
pub unsafe fn send(
    fd: i32,
    vectors: *const iovec,
    count: usize,
    flags: i32,
    call: impl FnOnce() -> isize,
) -> isize {
    // SAFETY: as the caller promises.
    unsafe { send_by(fd, flags, call, || message_of(vectors, count)) }
}

/// [`send`] of a message.
///
/// # Safety
/// After a success of the call the message is valid.
#[cold]
#[inline(never)]
pub unsafe fn send_message(
    fd: i32,
    message: *const msghdr,
    flags: i32,
    call: impl FnOnce() -> isize,
) -> isize {
    // SAFETY: as the caller promises, who has the message read after a success only.
    unsafe { send_by(fd, flags, call, || *message) }
}

/// Sends `message`, which is there after a success, by `call`.
///
/// # Safety
/// That is valid then.
#[inline(always)]
unsafe fn send_by(
    fd: i32,
    flags: i32,
    call: impl FnOnce() -> isize,
    message: impl FnOnce() -> msghdr,
) -> isize {
    let begun = Begun::new(fd);
    match (begun, call()) {
        // SAFETY: as the caller promises.
        (Some(begun), done @ 1..) if flags & libc::MSG_DONTWAIT == 0 => unsafe {
            send_rest(begun, &message(), done as usize, flags)
        },
        (_, result) => result,
    }
}

/// After `done` bytes: how many have gone in the end.
///
/// # Safety
/// The message is valid.
unsafe fn send_rest(begun: Begun, message: &msghdr, done: usize, flags: i32) -> isize {
    let (vectors, count) = (message.msg_iov.cast_const(), message.msg_iovlen);
    let is_part = vectors::length(vectors, count).is_some_and(|length| done < length);
    let Some(mut operation) = is_part.then(|| begun.rest(Direction::Write)).flatten() else {
        return done as isize;
    };
    let (fd, entry) = (operation.fd, operation.entry);
    // SAFETY: as the caller promises.
    unsafe {
        match entry.class(fd) {
            Class::Disk => done as isize,
            Class::Tcp | Class::Socket => {
                if is_stream(entry, fd) && operation.part_done() {
                    send::rest(&mut operation, message, done, flags)
                } else {
                    done as isize
                }
            }
            _ => file::rest(&mut operation, vectors, count, done),
        }
    }
}

/// Receives a message by `call`, likewise.
///
/// # Safety
/// As for [`send_message`].
#[cold]
#[inline(never)]
pub unsafe fn receive_message(
    fd: i32,
    message: *mut msghdr,
    flags: i32,
    call: impl FnOnce() -> isize,
) -> isize {
    let is_whole = wants_all(flags) && arguments::is_readable(message);
    match is_whole.then(|| Begun::new(fd)).flatten() {
        // SAFETY: as the caller promises.
        Some(begun) => unsafe { receive_begun(begun, message, flags, call) },
        None => call(),
    }
}

/// Receives into a buffer by `call`, likewise.
///
/// # Safety
/// As for [`send`].
#[cold]
#[inline(never)]
pub unsafe fn receive(fd: i32, buffer: iovec, flags: i32, call: impl FnOnce() -> isize) -> isize {
    let waits = flags & (libc::MSG_WAITALL | AT_ONCE) == libc::MSG_WAITALL;
    let Some(begun) = waits.then(|| Begun::new(fd)).flatten() else {
        return call();
    };
    if flags & libc::MSG_PEEK != 0 {
        let seen = call();
        return look_again(begun, &buffer, flags, seen);
    }
    // That tells of descriptors, with which it ends.
    let real = real!(recvmsg: unsafe extern "C-unwind" fn(i32, *mut msghdr, i32) -> isize);
    let mut message = message_of(&raw const buffer, 1);
    let message = &raw mut message;
    // SAFETY: as the caller promises.
    unsafe {
        let call = || restart::socket_call(fd, Act::Receive, || real(fd, message, flags));
        receive_begun(begun, message, flags, call)
    }
}

/// Whether a call with `flags` waits for all that it has room for, and takes it.
fn wants_all(flags: i32) -> bool {
    flags & (libc::MSG_WAITALL | libc::MSG_PEEK | AT_ONCE) == libc::MSG_WAITALL
}

/// After a look at `seen` bytes, or less if that is an error: at how many in the end. Only TCP waits for more than there is.
fn look_again(begun: Begun, buffer: &iovec, flags: i32, seen: isize) -> isize {
    let (fd, length) = (begun.life.fd, buffer.iov_len);
    if seen <= 0 || seen as usize >= length {
        return seen;
    }
    let Some(mut operation) = begun.rest(Direction::Read) else {
        return seen;
    };
    if operation.entry.class(fd) != Class::Tcp
        || receive::waits_in_kernel(&operation, flags)
        || !operation.part_done()
    {
        return seen;
    }
    // What was seen is still there.
    // SAFETY: the kernel copes with a place that is not there.
    let look = |_, flags| unsafe {
        let place = buffer.iov_base;
        syscall!(SYS_recvfrom, fd, place, length, flags, 0usize, 0usize)
    };
    let is_over = Cell::new(false);
    wait_all::receive(&mut operation, true, length, flags, &is_over, look).max(seen)
}

/// # Safety
/// The message is there; after a success of the call it is valid.
unsafe fn receive_begun(
    begun: Begun,
    message: *mut msghdr,
    flags: i32,
    call: impl FnOnce() -> isize,
) -> isize {
    // SAFETY: as the caller promises.
    let room = unsafe { (&raw const (*message).msg_controllen).read_unaligned() };
    let result = call();
    if result <= 0 {
        return result;
    }
    match begun.rest(Direction::Read) {
        Some(mut operation) if !receive::waits_in_kernel(&operation, flags) => {
            // SAFETY: as the caller promises.
            unsafe { wait_all::fill(&mut operation, message, room, result as usize, flags) }
        }
        _ => result,
    }
}
