//! Read-write locks.

use core::ffi::c_int;

use libc::{clockid_t, pthread_rwlock_t, timespec};

use super::symbol::{alias, check};
use crate::glibc::real::real;
use crate::ops::attempts::{self, Manner};
use crate::ops::turn::Ends;
use crate::sched::blocking;
use crate::sync::rwlock::RwLock;
use crate::sync::time;
use crate::sys::clock::{Instant, NEVER};
use crate::task::word::Cancellation;

/// # Safety
/// `lock` is a read-write lock.
#[inline(always)]
unsafe fn of<'a>(lock: *mut pthread_rwlock_t) -> &'a RwLock {
    // SAFETY: as the caller promises; the layout is glibc's.
    unsafe { &*lock.cast::<RwLock>() }
}

/// A point in time that is over.
const OVER: timespec = timespec {
    tv_sec: 0,
    tv_nsec: 0,
};

/// Waits until `deadline` for one that is glibc's, which `block` does in the kernel; `attempt` is
/// the same with a time limit that is over.
fn wait_for_glibcs(
    deadline: Instant,
    attempt: impl Fn() -> c_int,
    block: impl FnOnce() -> c_int,
) -> c_int {
    let manner = Manner {
        cancellation: Cancellation::Asynchronous,
        ends: Ends::Never,
        deadline,
    };
    let attempt = || Some(attempt()).filter(|&result| result != libc::ETIMEDOUT);
    let (ended, expired) = (|| libc::EINTR, || libc::ETIMEDOUT);
    attempts::or_block(manner, attempt, ended, expired, block)
}

/// `pthread_rwlock_rdlock(3p)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_rwlock_rdlock(lock: *mut pthread_rwlock_t) -> c_int {
    // SAFETY: as the caller promises.
    let ours = unsafe { of(lock) };
    if ours.is_glibcs() {
        let real = real!(pthread_rwlock_rdlock(_));
        let by_then = real!(pthread_rwlock_clockrdlock(_, _, _));
        // SAFETY: as the caller promises.
        let attempt = || unsafe { by_then(lock, libc::CLOCK_REALTIME, &OVER) };
        // SAFETY: as the caller promises.
        return wait_for_glibcs(NEVER, attempt, || unsafe { real(lock) });
    }
    ours.read_forever()
}
check!(pthread_rwlock_rdlock(_));

/// `pthread_rwlock_wrlock(3p)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_rwlock_wrlock(lock: *mut pthread_rwlock_t) -> c_int {
    // SAFETY: as the caller promises.
    let ours = unsafe { of(lock) };
    if ours.is_glibcs() {
        let real = real!(pthread_rwlock_wrlock(_));
        let by_then = real!(pthread_rwlock_clockwrlock(_, _, _));
        // SAFETY: as the caller promises.
        let attempt = || unsafe { by_then(lock, libc::CLOCK_REALTIME, &OVER) };
        // SAFETY: as the caller promises.
        return wait_for_glibcs(NEVER, attempt, || unsafe { real(lock) });
    }
    ours.write_forever()
}
check!(pthread_rwlock_wrlock(_));

/// `pthread_rwlock_tryrdlock(3p)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_rwlock_tryrdlock(lock: *mut pthread_rwlock_t) -> c_int {
    // SAFETY: as the caller promises.
    let ours = unsafe { of(lock) };
    if ours.is_glibcs() {
        let real = real!(pthread_rwlock_tryrdlock(_));
        // SAFETY: as the caller promises.
        return unsafe { real(lock) };
    }
    ours.try_read()
}
check!(pthread_rwlock_tryrdlock(_));

/// `pthread_rwlock_trywrlock(3p)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_rwlock_trywrlock(lock: *mut pthread_rwlock_t) -> c_int {
    // SAFETY: as the caller promises.
    let ours = unsafe { of(lock) };
    if ours.is_glibcs() {
        let real = real!(pthread_rwlock_trywrlock(_));
        // SAFETY: as the caller promises.
        return unsafe { real(lock) };
    }
    ours.try_write()
}
check!(pthread_rwlock_trywrlock(_));

/// `pthread_rwlock_timedrdlock(3p)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_rwlock_timedrdlock(
    lock: *mut pthread_rwlock_t,
    time: *const timespec,
) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { pthread_rwlock_clockrdlock(lock, libc::CLOCK_REALTIME, time) }
}

/// `pthread_rwlock_timedwrlock(3p)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_rwlock_timedwrlock(
    lock: *mut pthread_rwlock_t,
    time: *const timespec,
) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { pthread_rwlock_clockwrlock(lock, libc::CLOCK_REALTIME, time) }
}

/// `pthread_rwlock_clockrdlock`, as POSIX.1-2024.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_rwlock_clockrdlock(
    lock: *mut pthread_rwlock_t,
    clock: clockid_t,
    time: *const timespec,
) -> c_int {
    // SAFETY: as the caller promises.
    let ours = unsafe { of(lock) };
    if ours.is_glibcs() {
        let real = real!(pthread_rwlock_clockrdlock(_, _, _));
        // SAFETY: as the caller promises.
        let attempt = || unsafe { real(lock, libc::CLOCK_REALTIME, &OVER) };
        // SAFETY: as the caller promises.
        let block = || unsafe { real(lock, clock, time) };
        // SAFETY: as the caller promises.
        return match unsafe { time::deadline(clock, time) } {
            Ok(deadline) if time::is_supported(clock) => wait_for_glibcs(deadline, attempt, block),
            _ => blocking::region(block),
        };
    }
    // glibc looks at the time-out first, unlike for mutexes.
    // SAFETY: as the caller promises.
    match unsafe { time::deadline(clock, time) } {
        Ok(deadline) if time::is_supported(clock) => ours.read(|| Ok(deadline)),
        _ => libc::EINVAL,
    }
}

/// `pthread_rwlock_clockwrlock`, as POSIX.1-2024.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_rwlock_clockwrlock(
    lock: *mut pthread_rwlock_t,
    clock: clockid_t,
    time: *const timespec,
) -> c_int {
    // SAFETY: as the caller promises.
    let ours = unsafe { of(lock) };
    if ours.is_glibcs() {
        let real = real!(pthread_rwlock_clockwrlock(_, _, _));
        // SAFETY: as the caller promises.
        let attempt = || unsafe { real(lock, libc::CLOCK_REALTIME, &OVER) };
        // SAFETY: as the caller promises.
        let block = || unsafe { real(lock, clock, time) };
        // SAFETY: as the caller promises.
        return match unsafe { time::deadline(clock, time) } {
            Ok(deadline) if time::is_supported(clock) => wait_for_glibcs(deadline, attempt, block),
            _ => blocking::region(block),
        };
    }
    // SAFETY: as the caller promises.
    match unsafe { time::deadline(clock, time) } {
        Ok(deadline) if time::is_supported(clock) => ours.write(|| Ok(deadline)),
        _ => libc::EINVAL,
    }
}

/// `pthread_rwlock_unlock(3p)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_rwlock_unlock(lock: *mut pthread_rwlock_t) -> c_int {
    // SAFETY: as the caller promises.
    let ours = unsafe { of(lock) };
    if ours.is_glibcs() {
        let real = real!(pthread_rwlock_unlock(_));
        // SAFETY: as the caller promises.
        return unsafe { real(lock) };
    }
    ours.unlock();
    0
}
check!(pthread_rwlock_unlock(_));

alias!(__pthread_rwlock_rdlock = pthread_rwlock_rdlock);

alias!(__pthread_rwlock_wrlock = pthread_rwlock_wrlock);

alias!(__pthread_rwlock_tryrdlock = pthread_rwlock_tryrdlock);

alias!(__pthread_rwlock_trywrlock = pthread_rwlock_trywrlock);

alias!(__pthread_rwlock_unlock = pthread_rwlock_unlock);
