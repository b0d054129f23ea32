//! Semaphores.

use core::ffi::c_int;

use libc::{clockid_t, sem_t, timespec};

use super::symbol::check;
use crate::glibc::real::real;
use crate::sched::blocking;
use crate::signal::{cancel, restart};
use crate::sync::sem::Sem;
use crate::sync::time;
use crate::sys::errno;

/// # Safety
/// `sem` is a semaphore.
#[inline(always)]
unsafe fn of<'a>(sem: *mut sem_t) -> &'a Sem {
    // SAFETY: as the caller promises; the layout is glibc's.
    unsafe { &*sem.cast::<Sem>() }
}

fn edge(result: isize) -> c_int {
    errno::to_libc(result) as c_int
}

/// `sem_wait(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sem_wait(sem: *mut sem_t) -> c_int {
    cancel::point();
    // SAFETY: as the caller promises.
    let ours = unsafe { of(sem) };
    if ours.is_glibcs() {
        let real = real!(sem_wait @ "GLIBC_2.34" (_));
        // SAFETY: as the caller promises.
        return blocking::region(|| restart::libc_call(|| unsafe { real(sem) }));
    }
    edge(ours.wait())
}
check!(sem_wait(_));

/// `sem_trywait(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sem_trywait(sem: *mut sem_t) -> c_int {
    // SAFETY: as the caller promises. It does not block, so it is the same
    // for semaphores that are shared.
    edge(unsafe { of(sem) }.try_wait())
}
check!(sem_trywait(_));

/// `sem_timedwait(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sem_timedwait(sem: *mut sem_t, time: *const timespec) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { sem_clockwait(sem, libc::CLOCK_REALTIME, time) }
}
check!(sem_timedwait(_, _));

/// `sem_clockwait`, as POSIX.1-2024.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sem_clockwait(
    sem: *mut sem_t,
    clock: clockid_t,
    time: *const timespec,
) -> c_int {
    cancel::point();
    // SAFETY: as the caller promises.
    let ours = unsafe { of(sem) };
    if ours.is_glibcs() {
        let real = real!(sem_clockwait(_, _, _));
        // SAFETY: as the caller promises.
        return blocking::region(|| restart::libc_call(|| unsafe { real(sem, clock, time) }));
    }
    if !time::is_supported(clock) {
        return edge(-(libc::EINVAL as isize));
    }
    // SAFETY: as the caller promises.
    match unsafe { time::deadline(clock, time) } {
        Ok(deadline) => edge(ours.wait_until(deadline)),
        Err(error) => edge(-(error as isize)),
    }
}

/// `sem_post(3)`; async-signal-safe.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sem_post(sem: *mut sem_t) -> c_int {
    // SAFETY: as the caller promises.
    let ours = unsafe { of(sem) };
    if ours.is_glibcs() {
        let real = real!(sem_post @ "GLIBC_2.34" (_));
        // SAFETY: as the caller promises.
        return unsafe { real(sem) };
    }
    edge(ours.post())
}
check!(sem_post(_));
