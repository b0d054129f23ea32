//! Several messages in one call: `recvmmsg`, `sendmmsg`.

use core::ffi::{c_int, c_uint};

use libc::{mmsghdr, timespec};

use super::symbol::check;
use crate::glibc::real::real;
use crate::ops::{batch, rights};
use crate::signal::socket_wait::Act;
use crate::signal::{cancel, restart};
use crate::sys::errno;
use crate::task::green;

/// `recvmmsg(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn recvmmsg(
    fd: c_int,
    messages: *mut mmsghdr,
    count: c_uint,
    flags: c_int,
    timeout: *mut timespec,
) -> c_int {
    let Some(me) = green() else {
        let real = real!(recvmmsg(_, _, _, _, _));
        // SAFETY: as the caller promises; the messages that were received are valid.
        return unsafe {
            let received = restart::socket_call(fd, Act::Receive, || {
                real(fd, messages, count, flags, timeout)
            });
            rights::adopt_all(messages, received as isize);
            received
        };
    };
    cancel::point();
    // SAFETY: as the caller promises.
    errno::to_libc(unsafe { batch::receive(me, fd, messages, count, flags, timeout) }) as c_int
}
check!(recvmmsg(_, _, _, _, _));

/// `sendmmsg(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sendmmsg(
    fd: c_int,
    messages: *mut mmsghdr,
    count: c_uint,
    flags: c_int,
) -> c_int {
    let Some(me) = green() else {
        let real = real!(sendmmsg(_, _, _, _));
        // SAFETY: as the caller promises; the messages that were sent are valid.
        return unsafe {
            let sent = restart::socket_call(fd, Act::Send, || real(fd, messages, count, flags));
            rights::share_all(messages, sent as isize);
            sent
        };
    };
    cancel::point();
    // SAFETY: as the caller promises.
    errno::to_libc(unsafe { batch::send(me, fd, messages, count, flags) }) as c_int
}
check!(sendmmsg(_, _, _, _));
