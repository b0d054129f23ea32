//! POSIX message queues.

use core::ffi::{c_char, c_int, c_uint};

use libc::{mqd_t, size_t, ssize_t, timespec};

use super::symbol::check;
use crate::glibc::real::real;
use crate::hub::descriptor::Direction;
use crate::ops::message_queue::run;
use crate::signal::{cancel, restart};
use crate::sys::errno;
use crate::sys::raw::syscall;
use crate::task::green;

/// `mq_receive(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn mq_receive(
    queue: mqd_t,
    buffer: *mut c_char,
    length: size_t,
    priority: *mut c_uint,
) -> ssize_t {
    // SAFETY: as the caller promises.
    unsafe { mq_timedreceive(queue, buffer, length, priority, core::ptr::null()) }
}
check!(mq_receive(_, _, _, _));

/// `mq_timedreceive(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn mq_timedreceive(
    queue: mqd_t,
    buffer: *mut c_char,
    length: size_t,
    priority: *mut c_uint,
    limit: *const timespec,
) -> ssize_t {
    let Some(me) = green() else {
        let real = real!(mq_timedreceive(_, _, _, _, _));
        // SAFETY: as the caller promises.
        return restart::libc_call(|| unsafe { real(queue, buffer, length, priority, limit) });
    };
    cancel::point();
    // SAFETY: as the caller promises.
    errno::to_libc(unsafe {
        run(me, queue, Direction::Read, limit, |limit| {
            syscall!(SYS_mq_timedreceive, queue, buffer, length, priority, limit)
        })
    })
}
check!(mq_timedreceive(_, _, _, _, _));

/// `mq_send(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn mq_send(
    queue: mqd_t,
    message: *const c_char,
    length: size_t,
    priority: c_uint,
) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { mq_timedsend(queue, message, length, priority, core::ptr::null()) }
}
check!(mq_send(_, _, _, _));

/// `mq_timedsend(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn mq_timedsend(
    queue: mqd_t,
    message: *const c_char,
    length: size_t,
    priority: c_uint,
    limit: *const timespec,
) -> c_int {
    let Some(me) = green() else {
        let real = real!(mq_timedsend(_, _, _, _, _));
        // SAFETY: as the caller promises.
        return restart::libc_call(|| unsafe { real(queue, message, length, priority, limit) });
    };
    cancel::point();
    // SAFETY: as the caller promises.
    errno::to_libc(unsafe {
        run(me, queue, Direction::Write, limit, |limit| {
            syscall!(SYS_mq_timedsend, queue, message, length, priority, limit)
        })
    }) as c_int
}
check!(mq_timedsend(_, _, _, _, _));
