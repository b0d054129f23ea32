//! POSIX message queues.

use core::ffi::{c_char, c_int, c_uint};

use libc::{mqd_t, sigevent, size_t, ssize_t, timespec};

use super::symbol::check;
use crate::glibc::real::real;
use crate::hub::descriptor::Direction;
use crate::ops::message_queue::{before_notify, run};
use crate::signal::{cancel, restart};
use crate::sys::errno;
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
        let arguments = [buffer.addr(), length, priority.addr()];
        let number = libc::SYS_mq_timedreceive;
        run(me, queue, Direction::Read, number, arguments, limit)
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
        let arguments = [message.addr(), length, priority as usize];
        run(
            me,
            queue,
            Direction::Write,
            libc::SYS_mq_timedsend,
            arguments,
            limit,
        )
    }) as c_int
}
check!(mq_timedsend(_, _, _, _, _));

/// `mq_notify(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn mq_notify(queue: mqd_t, event: *const sigevent) -> c_int {
    if !event.is_null() {
        before_notify();
    }
    let real = real!(mq_notify(_, _));
    // SAFETY: as the caller promises.
    unsafe { real(queue, event) }
}
check!(mq_notify(_, _));
