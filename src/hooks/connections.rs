//! Making connections: `accept`, `connect`.

use core::ffi::c_int;

use libc::{sockaddr, socklen_t};

use super::symbol::{alias, check};
use crate::glibc::real::real;
use crate::ops::{accept, connect, lives, shut_down};
use crate::signal::socket_wait::Act;
use crate::signal::{cancel, restart};
use crate::sys::errno;
use crate::task::green;

/// `accept(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn accept(
    fd: c_int,
    address: *mut sockaddr,
    length: *mut socklen_t,
) -> c_int {
    let Some(me) = green() else {
        let real = real!(accept(_, _, _));
        lives::contend(fd);
        // SAFETY: as the caller promises.
        let call = || unsafe { real(fd, address, length) };
        return lives::make(|| restart::socket_call(fd, Act::Receive, call));
    };
    cancel::point();
    // SAFETY: as the caller promises.
    errno::to_libc(unsafe { accept::accept(me, fd, address, length, 0) }) as c_int
}
check!(accept(_, _, _));

/// `accept4(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn accept4(
    fd: c_int,
    address: *mut sockaddr,
    length: *mut socklen_t,
    flags: c_int,
) -> c_int {
    let Some(me) = green() else {
        let real = real!(accept4(_, _, _, _));
        lives::contend(fd);
        // SAFETY: as the caller promises.
        let call = || unsafe { real(fd, address, length, flags) };
        return lives::make(|| restart::socket_call(fd, Act::Receive, call));
    };
    cancel::point();
    // SAFETY: as the caller promises.
    errno::to_libc(unsafe { accept::accept(me, fd, address, length, flags) }) as c_int
}
check!(accept4(_, _, _, _));

/// `connect(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn connect(
    fd: c_int,
    address: *const sockaddr,
    length: socklen_t,
) -> c_int {
    let Some(me) = green() else {
        let real = real!(connect(_, _, _));
        // SAFETY: as the caller promises.
        return restart::socket_call(fd, Act::Connect, || unsafe { real(fd, address, length) });
    };
    cancel::point();
    // SAFETY: as the caller promises.
    errno::to_libc(unsafe { connect::connect(me, fd, address, length) }) as c_int
}
check!(connect(_, _, _));

alias!(__connect = connect);

/// `shutdown(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn shutdown(fd: c_int, how: c_int) -> c_int {
    let real = real!(shutdown(_, _));
    // SAFETY: as the caller promises.
    let result = unsafe { real(fd, how) };
    if result == 0 {
        shut_down::of(fd);
    }
    result
}
check!(shutdown(_, _));
