//! Sending and writing.

use core::ffi::{c_int, c_void};
use core::ptr;

use libc::{eventfd_t, iovec, msghdr, off_t, size_t, sockaddr, socklen_t, ssize_t};

use crate::glibc::real::real;
use crate::ops::send;
use crate::signal::cancel;
use crate::sys::errno;
use crate::task::green;

export! {
    /// `send(2)`.
    fn send(fd: c_int, buffer: *const c_void, length: size_t, flags: c_int) -> ssize_t {
        let Some(me) = green() else {
            let real = real!(send: unsafe extern "C-unwind" fn(c_int, *const c_void, size_t, c_int) -> ssize_t);
            // SAFETY: as the caller promises.
            return unsafe { real(fd, buffer, length, flags) };
        };
        cancel::point();
        // SAFETY: as the caller promises.
        errno::to_libc(unsafe { send::to(me, fd, buffer, length, flags, ptr::null(), 0) })
    }

    /// Alias of `send`.
    unchecked fn __send(fd: c_int, buffer: *const c_void, length: size_t, flags: c_int) -> ssize_t {
        // SAFETY: as the caller promises.
        unsafe { send(fd, buffer, length, flags) }
    }

    /// `sendto(2)`.
    fn sendto(
        fd: c_int,
        buffer: *const c_void,
        length: size_t,
        flags: c_int,
        address: *const sockaddr,
        address_length: socklen_t,
    ) -> ssize_t {
        let Some(me) = green() else {
            type Real = unsafe extern "C-unwind" fn(
                c_int, *const c_void, size_t, c_int, *const sockaddr, socklen_t,
            ) -> ssize_t;
            let real = real!(sendto: Real);
            // SAFETY: as the caller promises.
            return unsafe { real(fd, buffer, length, flags, address, address_length) };
        };
        cancel::point();
        // SAFETY: as the caller promises.
        errno::to_libc(unsafe { send::to(me, fd, buffer, length, flags, address, address_length) })
    }

    /// `sendmsg(2)`.
    fn sendmsg(fd: c_int, message: *const msghdr, flags: c_int) -> ssize_t {
        let Some(me) = green() else {
            let real = real!(sendmsg: unsafe extern "C-unwind" fn(c_int, *const msghdr, c_int) -> ssize_t);
            // SAFETY: as the caller promises; valid after a success.
            return unsafe {
                let sent = real(fd, message, flags);
                if sent >= 0 {
                    send::share_rights(&*message);
                }
                sent
            };
        };
        cancel::point();
        // SAFETY: as the caller promises.
        errno::to_libc(unsafe { send::message(me, fd, message, flags) })
    }

    /// `write(2)`.
    fn write(fd: c_int, buffer: *const c_void, length: size_t) -> ssize_t {
        let Some(me) = green() else {
            let real = real!(write: unsafe extern "C-unwind" fn(c_int, *const c_void, size_t) -> ssize_t);
            // SAFETY: as the caller promises.
            return unsafe { real(fd, buffer, length) };
        };
        cancel::point();
        // SAFETY: as the caller promises.
        errno::to_libc(unsafe { send::write(me, fd, buffer, length) })
    }

    /// Alias of `write`.
    unchecked fn __write(fd: c_int, buffer: *const c_void, length: size_t) -> ssize_t {
        // SAFETY: as the caller promises.
        unsafe { write(fd, buffer, length) }
    }

    /// `pwritev2(2)`: at the file's own position it is `writev`, which is what can block.
    fn pwritev2(fd: c_int, vectors: *const iovec, count: c_int, offset: off_t, flags: c_int) -> ssize_t {
        if offset == -1 && flags == 0 {
            // SAFETY: as the caller promises.
            return unsafe { writev(fd, vectors, count) };
        }
        let real = real!(pwritev2: unsafe extern "C-unwind" fn(c_int, *const iovec, c_int, off_t, c_int) -> ssize_t);
        // SAFETY: as the caller promises.
        unsafe { real(fd, vectors, count, offset, flags) }
    }

    /// Alias of `pwritev2`.
    fn pwritev64v2(fd: c_int, vectors: *const iovec, count: c_int, offset: off_t, flags: c_int) -> ssize_t {
        // SAFETY: as the caller promises.
        unsafe { pwritev2(fd, vectors, count, offset, flags) }
    }

    /// `eventfd_write(3)`.
    fn eventfd_write(fd: c_int, value: eventfd_t) -> c_int {
        // SAFETY: the value is live.
        if unsafe { write(fd, (&raw const value).cast(), size_of::<eventfd_t>()) } == size_of::<eventfd_t>() as ssize_t { 0 } else { -1 }
    }

    /// `writev(2)`.
    fn writev(fd: c_int, vectors: *const iovec, count: c_int) -> ssize_t {
        let Some(me) = green() else {
            let real = real!(writev: unsafe extern "C-unwind" fn(c_int, *const iovec, c_int) -> ssize_t);
            // SAFETY: as the caller promises.
            return unsafe { real(fd, vectors, count) };
        };
        cancel::point();
        // SAFETY: as the caller promises.
        errno::to_libc(unsafe { send::vector(me, fd, vectors, count) })
    }
}
