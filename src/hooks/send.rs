//! Sending and writing.

use core::ffi::{c_int, c_void};
use core::ptr;

use libc::{eventfd_t, iovec, msghdr, off_t, size_t, sockaddr, socklen_t, ssize_t};

use super::symbol::{alias, check};
use crate::glibc::real::real;
use crate::ops::{rights, send, whole};
use crate::signal::socket_wait::Act;
use crate::signal::{cancel, restart};
use crate::sys::errno;
use crate::task::green;

/// `send(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn send(
    fd: c_int,
    buffer: *const c_void,
    length: size_t,
    flags: c_int,
) -> ssize_t {
    let Some(me) = green() else {
        let real = real!(send(_, _, _, _));
        // SAFETY: as the caller promises.
        let call = move || unsafe { real(fd, buffer, length, flags) };
        let call = move || restart::socket_call(fd, Act::Send, call);
        // SAFETY: likewise.
        return unsafe { whole::send(fd, &whole::one(buffer, length), 1, flags, call) };
    };
    cancel::point();
    // SAFETY: as the caller promises.
    errno::to_libc(unsafe { send::to(me, fd, buffer, length, flags, ptr::null(), 0) })
}
check!(send(_, _, _, _));

alias!(__send = send);

/// `sendto(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sendto(
    fd: c_int,
    buffer: *const c_void,
    length: size_t,
    flags: c_int,
    address: *const sockaddr,
    address_length: socklen_t,
) -> ssize_t {
    let Some(me) = green() else {
        let real = real!(sendto(_, _, _, _, _, _));
        // SAFETY: as the caller promises.
        let call = move || unsafe { real(fd, buffer, length, flags, address, address_length) };
        let call = move || restart::socket_call(fd, Act::Send, call);
        // SAFETY: likewise.
        return unsafe { whole::send(fd, &whole::one(buffer, length), 1, flags, call) };
    };
    cancel::point();
    // SAFETY: as the caller promises.
    errno::to_libc(unsafe { send::to(me, fd, buffer, length, flags, address, address_length) })
}
check!(sendto(_, _, _, _, _, _));

/// `sendmsg(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sendmsg(
    fd: c_int,
    message: *const msghdr,
    flags: c_int,
) -> ssize_t {
    let Some(me) = green() else {
        let real = real!(sendmsg(_, _, _));
        // SAFETY: as the caller promises; valid after a success.
        return unsafe {
            let call = move || restart::socket_call(fd, Act::Send, || real(fd, message, flags));
            let sent = whole::send_message(fd, message, flags, call);
            if sent >= 0 {
                rights::share(&*message);
            }
            sent
        };
    };
    cancel::point();
    // SAFETY: as the caller promises.
    errno::to_libc(unsafe { send::message(me, fd, message, flags) })
}
check!(sendmsg(_, _, _));

/// `write(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn write(fd: c_int, buffer: *const c_void, length: size_t) -> ssize_t {
    let Some(me) = green() else {
        let real = real!(write(_, _, _));
        // SAFETY: as the caller promises.
        let call = move || unsafe { real(fd, buffer, length) };
        let call = move || restart::socket_call(fd, Act::Send, call);
        // SAFETY: likewise.
        return unsafe { whole::send(fd, &whole::one(buffer, length), 1, 0, call) };
    };
    cancel::point();
    // SAFETY: as the caller promises.
    errno::to_libc(unsafe { send::write(me, fd, buffer, length) })
}
check!(write(_, _, _));

alias!(__write = write);

/// `pwritev2(2)`: at the file's own position it is `writev`, which is what can block.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pwritev2(
    fd: c_int,
    vectors: *const iovec,
    count: c_int,
    offset: off_t,
    flags: c_int,
) -> ssize_t {
    if offset == -1 && flags == 0 {
        // SAFETY: as the caller promises.
        return unsafe { writev(fd, vectors, count) };
    }
    let real = real!(pwritev2(_, _, _, _, _));
    // SAFETY: as the caller promises.
    unsafe { real(fd, vectors, count, offset, flags) }
}
check!(pwritev2(_, _, _, _, _));

alias!(pwritev64v2 = pwritev2);

/// `eventfd_write(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn eventfd_write(fd: c_int, value: eventfd_t) -> c_int {
    // SAFETY: the value is live.
    if unsafe { write(fd, (&raw const value).cast(), size_of::<eventfd_t>()) }
        == size_of::<eventfd_t>() as ssize_t
    {
        0
    } else {
        -1
    }
}
check!(eventfd_write(_, _));

/// `writev(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn writev(fd: c_int, vectors: *const iovec, count: c_int) -> ssize_t {
    let Some(me) = green() else {
        let real = real!(writev(_, _, _));
        // SAFETY: as the caller promises.
        let call = move || unsafe { real(fd, vectors, count) };
        let call = move || restart::socket_call(fd, Act::Send, call);
        // SAFETY: likewise.
        return unsafe { whole::send(fd, vectors, count as usize, 0, call) };
    };
    cancel::point();
    // SAFETY: as the caller promises.
    errno::to_libc(unsafe { send::vector(me, fd, vectors, count) })
}
check!(writev(_, _, _));
