//! Making connections: `accept`, `connect`.

use core::ffi::c_int;

use libc::{sockaddr, socklen_t};

use crate::glibc::real::real;
use crate::ops::{accept, connect, lives};
use crate::signal::cancel;
use crate::sys::errno;
use crate::task::green;

export! {
    /// `accept(2)`.
    fn accept(fd: c_int, address: *mut sockaddr, length: *mut socklen_t) -> c_int {
        let Some(me) = green() else {
            let real = real!(accept: unsafe extern "C-unwind" fn(c_int, *mut sockaddr, *mut socklen_t) -> c_int);
            lives::contend(fd);
            // SAFETY: as the caller promises.
            return lives::make(|| unsafe { real(fd, address, length) });
        };
        cancel::point();
        // SAFETY: as the caller promises.
        errno::to_libc(unsafe { accept::accept(me, fd, address, length, 0) }) as c_int
    }

    /// `accept4(2)`.
    fn accept4(fd: c_int, address: *mut sockaddr, length: *mut socklen_t, flags: c_int) -> c_int {
        let Some(me) = green() else {
            let real = real!(accept4: unsafe extern "C-unwind" fn(c_int, *mut sockaddr, *mut socklen_t, c_int) -> c_int);
            lives::contend(fd);
            // SAFETY: as the caller promises.
            return lives::make(|| unsafe { real(fd, address, length, flags) });
        };
        cancel::point();
        // SAFETY: as the caller promises.
        errno::to_libc(unsafe { accept::accept(me, fd, address, length, flags) }) as c_int
    }

    /// `connect(2)`.
    fn connect(fd: c_int, address: *const sockaddr, length: socklen_t) -> c_int {
        let Some(me) = green() else {
            let real = real!(connect: unsafe extern "C-unwind" fn(c_int, *const sockaddr, socklen_t) -> c_int);
            // SAFETY: as the caller promises.
            return unsafe { real(fd, address, length) };
        };
        cancel::point();
        // SAFETY: as the caller promises.
        errno::to_libc(unsafe { connect::connect(me, fd, address, length) }) as c_int
    }

    /// Alias of `connect`.
    unchecked fn __connect(fd: c_int, address: *const sockaddr, length: socklen_t) -> c_int {
        // SAFETY: as the caller promises.
        unsafe { connect(fd, address, length) }
    }
}
