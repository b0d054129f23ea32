//! Receiving and reading.

use core::ffi::{c_int, c_void};

use libc::{eventfd_t, iovec, msghdr, off_t, size_t, sockaddr, socklen_t, ssize_t};

use super::symbol::{alias, check, fortified};
use crate::glibc::real::real;
use crate::ops::receive::{self, Source};
use crate::ops::{rights, whole};
use crate::signal::socket_wait::Act;
use crate::signal::{cancel, restart};
use crate::sys::errno;
use crate::task::green;

/// `recv(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn recv(
    fd: c_int,
    buffer: *mut c_void,
    length: size_t,
    flags: c_int,
) -> ssize_t {
    let Some(me) = green() else {
        let real = real!(recv(_, _, _, _));
        // SAFETY: as the caller promises.
        let call = move || unsafe { real(fd, buffer, length, flags) };
        let call = move || restart::socket_call(fd, Act::Receive, call);
        // SAFETY: likewise.
        return unsafe { whole::receive(fd, whole::one(buffer, length), flags, call) };
    };
    cancel::point();
    // SAFETY: as the caller promises.
    errno::to_libc(unsafe { receive::from(me, fd, buffer, length, flags, Source::NONE) })
}
check!(recv(_, _, _, _));

fortified!(
    __recv_chk(fd: c_int, buffer: *mut c_void, length: size_t, room: size_t, flags: c_int) -> ssize_t
        = recv(fd, buffer, length, flags) if length <= room
);

/// `recvfrom(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn recvfrom(
    fd: c_int,
    buffer: *mut c_void,
    length: size_t,
    flags: c_int,
    address: *mut sockaddr,
    address_length: *mut socklen_t,
) -> ssize_t {
    let Some(me) = green() else {
        let real = real!(recvfrom(_, _, _, _, _, _));
        // SAFETY: as the caller promises.
        let call = move || unsafe { real(fd, buffer, length, flags, address, address_length) };
        let call = move || restart::socket_call(fd, Act::Receive, call);
        if !address.is_null() {
            return call();
        }
        // SAFETY: likewise.
        return unsafe { whole::receive(fd, whole::one(buffer, length), flags, call) };
    };
    cancel::point();
    let source = Source {
        address,
        length: address_length,
    };
    // SAFETY: as the caller promises.
    errno::to_libc(unsafe { receive::from(me, fd, buffer, length, flags, source) })
}
check!(recvfrom(_, _, _, _, _, _));

fortified!(
    __recvfrom_chk(
        fd: c_int,
        buffer: *mut c_void,
        length: size_t,
        room: size_t,
        flags: c_int,
        address: *mut sockaddr,
        address_length: *mut socklen_t,
    ) -> ssize_t
        = recvfrom(fd, buffer, length, flags, address, address_length) if length <= room
);

/// `recvmsg(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn recvmsg(fd: c_int, message: *mut msghdr, flags: c_int) -> ssize_t {
    let Some(me) = green() else {
        let real = real!(recvmsg(_, _, _));
        // SAFETY: as the caller promises; a message that was received is valid.
        let call = move || unsafe {
            let received = real(fd, message, flags);
            if received >= 0 {
                rights::adopt(&*message);
            }
            received
        };
        let call = move || restart::socket_call(fd, Act::Receive, call);
        // SAFETY: likewise.
        return unsafe { whole::receive_message(fd, message, flags, call) };
    };
    cancel::point();
    // SAFETY: as the caller promises.
    errno::to_libc(unsafe { receive::message(me, fd, message, flags) })
}
check!(recvmsg(_, _, _));

/// `read(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn read(fd: c_int, buffer: *mut c_void, length: size_t) -> ssize_t {
    let Some(me) = green() else {
        let real = real!(read(_, _, _));
        // SAFETY: as the caller promises.
        return restart::socket_call(fd, Act::Receive, || unsafe { real(fd, buffer, length) });
    };
    cancel::point();
    // SAFETY: as the caller promises.
    errno::to_libc(unsafe { receive::read(me, fd, buffer, length) })
}
check!(read(_, _, _));

alias!(__read = read);

fortified!(
    __read_chk(fd: c_int, buffer: *mut c_void, length: size_t, room: size_t) -> ssize_t
        = read(fd, buffer, length) if length <= room
);

/// `readv(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn readv(fd: c_int, vectors: *const iovec, count: c_int) -> ssize_t {
    let Some(me) = green() else {
        let real = real!(readv(_, _, _));
        // SAFETY: as the caller promises.
        return restart::socket_call(fd, Act::Receive, || unsafe { real(fd, vectors, count) });
    };
    cancel::point();
    // SAFETY: as the caller promises.
    errno::to_libc(unsafe { receive::vector(me, fd, vectors, count) })
}
check!(readv(_, _, _));

/// `preadv2(2)`: at the file's own position it is `readv`, which is what can block.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn preadv2(
    fd: c_int,
    vectors: *const iovec,
    count: c_int,
    offset: off_t,
    flags: c_int,
) -> ssize_t {
    if offset == -1 && flags == 0 {
        // SAFETY: as the caller promises.
        return unsafe { readv(fd, vectors, count) };
    }
    let real = real!(preadv2(_, _, _, _, _));
    // SAFETY: as the caller promises.
    unsafe { real(fd, vectors, count, offset, flags) }
}
check!(preadv2(_, _, _, _, _));

alias!(preadv64v2 = preadv2);

/// `eventfd_read(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn eventfd_read(fd: c_int, value: *mut eventfd_t) -> c_int {
    // SAFETY: as the caller promises.
    if unsafe { read(fd, value.cast(), size_of::<eventfd_t>()) }
        == size_of::<eventfd_t>() as ssize_t
    {
        0
    } else {
        -1
    }
}
check!(eventfd_read(_, _));
