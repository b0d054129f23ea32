//! Semaphores.

use core::ffi::c_int;

use libc::{clockid_t, sem_t, timespec};

use super::symbol::check;
use crate::glibc::real::real;
use crate::ops::attempts::{self, Manner};
use crate::ops::turn::Ends;
use crate::sched::blocking;
use crate::signal::{cancel, restart};
use crate::sync::sem::Sem;
use crate::sync::time;
use crate::sys::clock::{Instant, NEVER};
use crate::sys::errno;
use crate::task::word::Cancellation;

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

/// Waits until `deadline` for one that is glibc's, which `block` does in the kernel.
fn wait_for_shared(sem: &Sem, deadline: Instant, block: impl FnOnce() -> c_int) -> c_int {
    const BUSY: isize = -(libc::EAGAIN as isize);
    let manner = Manner {
        cancellation: Cancellation::Point,
        // The kernel starts a wait with a time limit never again.
        ends: match deadline {
            NEVER => Ends::UnlessRestarted,
            _ => Ends::Always,
        },
        deadline,
    };
    let attempt = || {
        Some(sem.try_wait())
            .filter(|&result| result != BUSY)
            .map(edge)
    };
    if let Some(result) = attempt() {
        return result;
    }
    let fail = |error: c_int| move || edge(-(error as isize));
    let (ended, expired) = (fail(libc::EINTR), fail(libc::ETIMEDOUT));
    attempts::or_block(manner, attempt, ended, expired, block)
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
        let block = || restart::libc_call(|| unsafe { real(sem) });
        return wait_for_shared(ours, NEVER, block);
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
        let block = || restart::libc_call(|| unsafe { real(sem, clock, time) });
        // SAFETY: as the caller promises.
        return match unsafe { time::lock_deadline(clock, time) } {
            Some(deadline) => wait_for_shared(ours, deadline, block),
            None => blocking::region(block),
        };
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
