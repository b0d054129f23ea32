//! Several messages in one call.

use libc::{mmsghdr, timespec};

use super::received::{AT_ONCE, found_nothing};
use super::{
    EAGAIN, IN_KERNEL, Operation, at_once, is_stream, pass_on, receive, rights, send, unannounced,
    vectors,
};
use crate::glibc::real::real;
use crate::hub::descriptor::Direction;
use crate::signal::socket_wait::Act;
use crate::signal::{cancel, restart};
use crate::sys::raw::syscall;
use crate::sys::{clock, errno};
use crate::task::{Thread, arguments};

/// As many as the kernel sends at most (`UIO_MAXIOV`).
const MOST: u32 = 1024;

/// `recvmmsg(2)`. As the kernel's, it looks at the time after each message only.
///
/// # Safety
/// As for `recvmmsg`.
pub unsafe fn receive(
    me: &'static Thread,
    fd: i32,
    messages: *mut mmsghdr,
    count: u32,
    flags: i32,
    timeout: *mut timespec,
) -> isize {
    // SAFETY: as the caller promises.
    let call = |at: u32, flags: i32, timeout: *mut timespec| unsafe {
        let rest = messages.wrapping_add(at as usize);
        syscall!(SYS_recvmmsg, fd, rest, count - at, flags, timeout)
    };
    let limit = if timeout.is_null() {
        None
    } else if arguments::is_readable(timeout) {
        // SAFETY: just seen.
        Some(unsafe { timeout.read_unaligned() })
    } else {
        return call(0, flags, timeout);
    };
    let is_valid = limit.is_none_or(|limit| clock::is_valid(&limit) && limit.tv_sec >= 0);
    if flags & AT_ONCE != 0 || count == 0 || !is_valid {
        return at_once(me, call(0, flags, timeout));
    }
    let Some(mut operation) = Operation::new(me, fd, Direction::Read) else {
        return restart::socket_in_region(fd, Act::Receive, || call(0, flags, timeout));
    };
    if receive::waits_in_kernel(&operation, flags) || operation.is_uncertain() {
        // SAFETY: as the caller promises.
        return unsafe { receive_in_kernel(fd, messages, count, flags, timeout) };
    }
    let deadline = limit.map(|limit| clock::after(clock::to_nanos(&limit)));
    let one_by_one = deadline.is_some() || flags & libc::MSG_WAITALL != 0;
    let mut got = 0;
    let mut result;
    loop {
        let at = messages.wrapping_add(got as usize);
        // SAFETY: as the caller promises; what the calls have filled is valid.
        unsafe {
            if one_by_one {
                let later = if got > 0 && flags & libc::MSG_WAITFORONE != 0 {
                    libc::MSG_DONTWAIT
                } else {
                    0
                };
                let flags = flags & !libc::MSG_WAITFORONE | later;
                result = receive::message_by(&mut operation, &raw mut (*at).msg_hdr, flags);
                if result >= 0 {
                    (*at).msg_len = result as u32;
                    result = 1;
                }
            } else {
                result = operation.run(
                    |entry, _| {
                        let result = call(got, flags | libc::MSG_DONTWAIT, core::ptr::null_mut());
                        if result == EAGAIN {
                            return found_nothing(entry, fd);
                        }
                        pass_on(entry, Direction::Read);
                        result
                    },
                    || call(got, flags, core::ptr::null_mut()),
                );
                rights::adopt_all(at, result);
            }
            if result <= 0 {
                break;
            }
            got += result as u32;
            let last = &(*messages.wrapping_add(got as usize - 1)).msg_hdr;
            if got == count
                || flags & libc::MSG_WAITFORONE != 0 && !one_by_one
                || last.msg_flags & libc::MSG_OOB != 0
                || deadline.is_some_and(|deadline| clock::now() >= deadline)
                || !operation.message_done()
            {
                break;
            }
        }
    }
    if got == 0 {
        return result;
    }
    if let Some(deadline) = deadline {
        let left = clock::to_timespec(deadline.saturating_sub(clock::now()));
        // SAFETY: as the caller promises.
        if unsafe { arguments::give(timeout, left) }.is_err() {
            return -(libc::EFAULT as isize);
        }
    }
    got as isize
}

/// [`receive`] where the kernel alone knows how far a message goes, or from which file.
///
/// # Safety
/// As for `recvmmsg`.
#[cold]
unsafe fn receive_in_kernel(
    fd: i32,
    messages: *mut mmsghdr,
    count: u32,
    flags: i32,
    timeout: *mut timespec,
) -> isize {
    type Real = unsafe extern "C-unwind" fn(i32, *mut mmsghdr, u32, i32, *mut timespec) -> i32;
    let real = real!(recvmmsg: Real);
    // SAFETY: as the caller promises.
    let call = || unsafe { real(fd, messages, count, flags, timeout) };
    let received =
        restart::socket_in_region(fd, Act::Receive, || errno::to_kernel(call() as isize));
    // SAFETY: filled by the call.
    unsafe { rights::adopt_all(messages, received) };
    received
}

/// `sendmmsg(2)`.
///
/// # Safety
/// As for `sendmmsg`.
pub unsafe fn send(
    me: &'static Thread,
    fd: i32,
    messages: *mut mmsghdr,
    count: u32,
    flags: i32,
) -> isize {
    let count = count.min(MOST);
    // SAFETY: as the caller promises.
    let call = |at: u32, flags: i32| unsafe {
        let rest = messages.wrapping_add(at as usize);
        syscall!(SYS_sendmmsg, fd, rest, count - at, flags)
    };
    let wait = |at: u32, flags: i32| {
        let rest = messages.wrapping_add(at as usize).addr();
        let arguments = [
            fd as usize,
            rest,
            (count - at) as usize,
            flags as usize,
            0,
            0,
        ];
        // SAFETY: as the caller promises.
        unsafe { cancel::waiting_call(libc::SYS_sendmmsg, arguments) }
    };
    let Some(mut operation) = Operation::new(me, fd, Direction::Write) else {
        return restart::socket_in_region(fd, Act::Send, || wait(0, flags));
    };
    if count == 0 {
        return call(0, flags);
    }
    if operation.is_uncertain() {
        let result = operation.in_kernel(|| wait(0, flags));
        // SAFETY: as the caller promises; what was sent is valid.
        unsafe { rights::share_all(messages, result) };
        return result;
    }
    // Of a stream's message a part may be sent; the rest is the same message's.
    let one_by_one = flags & libc::MSG_DONTWAIT == 0 && is_stream(operation.entry, fd);
    let (mut sent, mut is_cut) = (0, false);
    while sent < count && !is_cut {
        let at = messages.wrapping_add(sent as usize);
        // SAFETY: as the caller promises; what was sent is valid.
        let result = unsafe {
            if one_by_one && arguments::is_readable(at) {
                let message = &raw const (*at).msg_hdr;
                let result = send::message_by(&mut operation, message, flags);
                if result >= 0 {
                    (*at).msg_len = result as u32;
                    let whole = vectors::length((*message).msg_iov, (*message).msg_iovlen);
                    // The next one would begin in the midst of it.
                    is_cut = whole != Some(result as usize);
                }
                result
            } else {
                let result = if flags & libc::MSG_DONTWAIT != 0 {
                    call(sent, flags)
                } else {
                    operation.run(
                        |entry, _| match call(sent, flags | libc::MSG_DONTWAIT) {
                            EAGAIN
                                if unannounced::is_room(entry, fd, || {
                                    send::has_name(&raw const (*at).msg_hdr)
                                }) =>
                            {
                                IN_KERNEL
                            }
                            result => result,
                        },
                        || wait(sent, flags),
                    )
                };
                rights::share_all(at, result);
                result
            }
        };
        if result < 0 {
            return if sent > 0 { sent as isize } else { result };
        }
        sent += if one_by_one { 1 } else { result as u32 };
        if flags & libc::MSG_DONTWAIT != 0 || !operation.message_done() {
            break;
        }
    }
    pass_on(operation.entry, Direction::Write);
    sent as isize
}
