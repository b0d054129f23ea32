//! Sending and writing. A blocking write takes everything, unless something goes
//! wrong after a part of it: then the part counts.

use core::ffi::c_void;

use libc::{iovec, msghdr, sockaddr, socklen_t};

use super::ended::Attempts;
use super::is_stream;
use super::vectors::{self, as_message};
use super::{ENOTSOCK, Operation, at_once, connect, file, pass_on, rights};
use crate::hub::class::Class;
use crate::hub::descriptor::{self, Direction};
use crate::signal::socket_wait::Act;
use crate::signal::{cancel, restart};
use crate::sys::raw::syscall;
use crate::task::Thread;

/// `sendto(2)`.
///
/// # Safety
/// As for `sendto`.
#[inline]
pub unsafe fn to(
    me: &'static Thread,
    fd: i32,
    buffer: *const c_void,
    length: usize,
    flags: i32,
    address: *const sockaddr,
    address_length: socklen_t,
) -> isize {
    let length = length.min(vectors::MOST);
    // SAFETY: as the caller promises.
    let call = |at: usize, flags: i32| unsafe {
        syscall!(
            SYS_sendto,
            fd,
            buffer.wrapping_byte_add(at),
            length - at,
            flags,
            address,
            address_length
        )
    };
    let wait = |at: usize, flags: i32| {
        let arguments = [
            fd as usize,
            buffer.wrapping_byte_add(at).addr(),
            length - at,
            flags as usize,
            address.addr(),
            address_length as usize,
        ];
        // SAFETY: as the caller promises.
        unsafe { cancel::waiting_call(libc::SYS_sendto, arguments) }
    };
    let Some(mut operation) = Operation::new(me, fd, Direction::Write) else {
        return restart::socket_in_region(fd, Act::Send, || wait(0, flags));
    };
    if flags & libc::MSG_DONTWAIT != 0 {
        return at_once(me, call(0, flags));
    }
    let (attempts, addressed) = (Attempts::default(), !address.is_null());
    all(
        &mut operation,
        attempts,
        addressed,
        length,
        flags,
        call,
        wait,
    )
}

/// Sends all of `length` bytes by `call`, which gets how many have gone and the flags, or by `wait`, the same
/// where it may wait and be cancelled; `addressed`: they say where to.
fn all(
    operation: &mut Operation,
    mut attempts: Attempts,
    addressed: bool,
    length: usize,
    flags: i32,
    call: impl Fn(usize, i32) -> isize,
    wait: impl Fn(usize, i32) -> isize,
) -> isize {
    let fd = operation.fd;
    let (mut sent, mut flags) = (0, flags);
    loop {
        let result = operation.run(
            |entry, _| attempts.make(entry, fd, || addressed, |more| call(sent, flags | more)),
            || wait(sent, flags),
        );
        let Some(result) = connected(operation, result, &mut flags) else {
            continue;
        };
        if result < 0 {
            return if sent > 0 { sent as isize } else { result };
        }
        sent += result as usize;
        if sent >= length || !is_stream(operation.entry, fd) {
            pass_on(operation.entry, Direction::Write);
            return sent as isize;
        }
        if !operation.part_done() {
            return sent as isize;
        }
        attempts.part_done();
        flags = for_rest(flags);
    }
}

/// The flags of who sends the rest after a part: the kernel, too, reports a part without a SIGPIPE, and tells once of
/// each call that its bytes are in use no longer (`MSG_ZEROCOPY`).
fn for_rest(flags: i32) -> i32 {
    flags & !(libc::MSG_ZEROCOPY | libc::MSG_FASTOPEN) | libc::MSG_NOSIGNAL
}

/// The `result` of an attempt, which may have made a TCP socket begin to connect, perhaps with a part
/// of the data under way: the call waits for the outcome before it goes on. `None` if nothing was
/// under way: it is tried again, without `MSG_FASTOPEN`, which is taken out of `flags`.
fn connected(operation: &mut Operation, result: isize, flags: &mut i32) -> Option<isize> {
    let fd = operation.fd;
    let begins = match result {
        connect::EINPROGRESS => true,
        0.. => *flags & libc::MSG_FASTOPEN != 0 && operation.entry.class(fd) == Class::Tcp,
        _ => false,
    };
    if !begins || operation.entry.is_nonblocking(fd) {
        return Some(result);
    }
    *flags &= !libc::MSG_FASTOPEN;
    match connect::finish_begun(operation, fd) {
        0 if result < 0 => None,
        0 => Some(result),
        error => Some(error),
    }
}

/// Whether `message` says where it is to go.
///
/// # Safety
/// It is readable.
pub(super) unsafe fn has_name(message: *const msghdr) -> bool {
    // SAFETY: as the caller promises; it may lie anywhere.
    unsafe { !(&raw const (*message).msg_name).read_unaligned().is_null() }
}

/// `sendmsg(2)`.
///
/// # Safety
/// As for `sendmsg`.
pub unsafe fn message(me: &'static Thread, fd: i32, message: *const msghdr, flags: i32) -> isize {
    match Operation::new(me, fd, Direction::Write) {
        // SAFETY: as the caller promises.
        Some(mut operation) => unsafe { message_by(&mut operation, message, flags) },
        // SAFETY: likewise.
        None => restart::socket_in_region(fd, Act::Send, || unsafe {
            wait_to_send(fd, message, flags)
        }),
    }
}

/// `sendmsg(2)` that may wait and be cancelled.
///
/// # Safety
/// As for `sendmsg`.
unsafe fn wait_to_send(fd: i32, message: *const msghdr, flags: i32) -> isize {
    let arguments = [fd as usize, message.addr(), flags as usize, 0, 0, 0];
    // SAFETY: as the caller promises.
    unsafe { cancel::waiting_call(libc::SYS_sendmsg, arguments) }
}

/// [`message`], by an operation that may have sent others.
///
/// # Safety
/// As for `sendmsg`.
pub(super) unsafe fn message_by(
    operation: &mut Operation,
    message: *const msghdr,
    flags: i32,
) -> isize {
    let (me, fd, mut flags) = (operation.me, operation.fd, flags);
    // SAFETY: as the caller promises.
    let call = |flags: i32| unsafe { syscall!(SYS_sendmsg, fd, message, flags) };
    // SAFETY: likewise.
    let wait = |flags: i32| unsafe { wait_to_send(fd, message, flags) };
    let waits = flags & libc::MSG_DONTWAIT == 0;
    let attempt = |operation: &mut Operation, flags| {
        let mut attempts = Attempts::default();
        operation.run(
            |entry, _| {
                // SAFETY: asked after an attempt, for which the kernel has read it.
                let is_addressed = || unsafe { has_name(message) };
                attempts.make(entry, fd, is_addressed, |more| call(flags | more))
            },
            || wait(flags),
        )
    };
    let result = if waits {
        let result = attempt(operation, flags);
        connected(operation, result, &mut flags).unwrap_or_else(|| attempt(operation, flags))
    } else {
        at_once(me, call(flags))
    };
    if result < 0 {
        return result;
    }
    pass_on(operation.entry, Direction::Write);
    // SAFETY: the call has succeeded, so the message is valid.
    let message = unsafe { &*message };
    // SAFETY: as above.
    unsafe { rights::share(message) };
    if message.msg_iovlen == 0 {
        return result;
    }
    let whole = vectors::length(message.msg_iov, message.msg_iovlen);
    if whole == Some(result as usize) || !waits || !is_stream(operation.entry, fd) {
        return result;
    }
    if !operation.part_done() {
        return result;
    }
    // SAFETY: the message is valid.
    unsafe { rest(operation, message, result as usize, flags) }
}

/// Sends what is left of `message` after `done` bytes. How many have gone in the end. What goes with it has gone with
/// the first part, but for who sends it, which goes with each (Linux, net/unix/af_unix.c: `unix_stream_sendmsg`).
///
/// # Safety
/// The message is valid.
pub(super) unsafe fn rest(
    operation: &mut Operation,
    message: &msghdr,
    done: usize,
    flags: i32,
) -> isize {
    let (vectors, count) = (message.msg_iov, message.msg_iovlen);
    // SAFETY: as the caller promises.
    let sender = unsafe { rights::sender(message) };
    let fd = operation.fd;
    let flags = for_rest(flags);
    let send_buffer = |at: *mut c_void, length| {
        let mut attempts = Attempts::default();
        attempts.part_done();
        let by = |sent: usize, send: &dyn Fn(*const msghdr) -> isize| {
            let buffer = vectors::one(at.wrapping_byte_add(sent), length - sent);
            let mut next = vectors::message_of(&raw const buffer, 1);
            (next.msg_control, next.msg_controllen) = sender;
            send(&raw const next)
        };
        // SAFETY: within the caller's message.
        let send = |flags: i32| move |next| unsafe { syscall!(SYS_sendmsg, fd, next, flags) };
        let call = |sent: usize, flags: i32| by(sent, &send(flags));
        // SAFETY: as above.
        let wait = |flags: i32| move |next| unsafe { wait_to_send(fd, next, flags) };
        let wait = |sent: usize, flags: i32| by(sent, &wait(flags));
        all(operation, attempts, false, length, flags, call, wait)
    };
    // SAFETY: as the caller promises.
    unsafe { vectors::rest(vectors, count, done, send_buffer) }
}

/// `write(2)`.
///
/// # Safety
/// As for `write`.
#[inline]
pub unsafe fn write(me: &'static Thread, fd: i32, buffer: *const c_void, length: usize) -> isize {
    let class = descriptor::get(fd).map(|entry| entry.class(fd));
    // SAFETY: as the caller promises.
    unsafe {
        if matches!(class, Some(Class::Tcp | Class::Socket)) {
            let result = to(me, fd, buffer, length, 0, core::ptr::null(), 0);
            if result != ENOTSOCK {
                return result;
            }
        }
        let vector = iovec {
            iov_base: buffer.cast_mut(),
            iov_len: length,
        };
        let call = file::Call {
            number: libc::SYS_write,
            arguments: [fd as usize, buffer.addr(), length],
        };
        file::transfer(me, fd, class, Direction::Write, &raw const vector, 1, call)
    }
}

/// `writev(2)`.
///
/// # Safety
/// As for `writev`.
pub unsafe fn vector(me: &'static Thread, fd: i32, vectors: *const iovec, count: i32) -> isize {
    let class = descriptor::get(fd).map(|entry| entry.class(fd));
    // SAFETY: as the caller promises.
    unsafe {
        if let Some(header) = as_message(class, vectors, count) {
            let result = message(me, fd, &header, 0);
            if result != ENOTSOCK {
                return result;
            }
        }
        let call = file::Call {
            number: libc::SYS_writev,
            arguments: [fd as usize, vectors.addr(), count as usize],
        };
        file::transfer(me, fd, class, Direction::Write, vectors, count, call)
    }
}
