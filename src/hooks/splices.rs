//! From one descriptor to another: `sendfile`, `splice`, `tee`, `vmsplice`.

use core::ffi::{c_int, c_uint};

use libc::{iovec, loff_t, off_t, size_t, ssize_t};

use super::symbol::{alias, check};
use crate::glibc::real::real;
use crate::ops::{send_file, splice};
use crate::signal::{cancel, restart};
use crate::sys::errno;
use crate::task::green;

/// `sendfile(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sendfile(
    to: c_int,
    from: c_int,
    offset: *mut off_t,
    count: size_t,
) -> ssize_t {
    let Some(me) = green() else {
        let real = real!(sendfile(_, _, _, _));
        // SAFETY: as the caller promises.
        return restart::libc_call(|| unsafe { real(to, from, offset, count) });
    };
    // SAFETY: as the caller promises.
    errno::to_libc(unsafe { send_file::send_file(me, to, from, offset, count) })
}
check!(sendfile(_, _, _, _));

alias!(sendfile64 = sendfile);

/// `splice(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn splice(
    from: c_int,
    from_offset: *mut loff_t,
    to: c_int,
    to_offset: *mut loff_t,
    length: size_t,
    flags: c_uint,
) -> ssize_t {
    let Some(me) = green() else {
        let real = real!(splice(_, _, _, _, _, _));
        // SAFETY: as the caller promises.
        let call = || unsafe { real(from, from_offset, to, to_offset, length, flags) };
        return restart::libc_call(call);
    };
    cancel::point();
    // SAFETY: as the caller promises.
    errno::to_libc(unsafe {
        splice::splice(me, (from, from_offset), (to, to_offset), length, flags)
    })
}
check!(splice(_, _, _, _, _, _));

/// `tee(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn tee(
    from: c_int,
    to: c_int,
    length: size_t,
    flags: c_uint,
) -> ssize_t {
    let Some(me) = green() else {
        let real = real!(tee(_, _, _, _));
        // SAFETY: as the caller promises.
        return restart::libc_call(|| unsafe { real(from, to, length, flags) });
    };
    cancel::point();
    errno::to_libc(splice::tee(me, from, to, length, flags))
}
check!(tee(_, _, _, _));

/// `vmsplice(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn vmsplice(
    fd: c_int,
    vectors: *const iovec,
    count: size_t,
    flags: c_uint,
) -> ssize_t {
    let Some(me) = green() else {
        let real = real!(vmsplice(_, _, _, _));
        // SAFETY: as the caller promises.
        return restart::libc_call(|| unsafe { real(fd, vectors, count, flags) });
    };
    cancel::point();
    // SAFETY: as the caller promises.
    errno::to_libc(unsafe { splice::from_memory(me, fd, vectors, count, flags) })
}
check!(vmsplice(_, _, _, _));
