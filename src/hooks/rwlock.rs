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
use crate::sys::clock::{self, Instant, NEVER};
use crate::task::word::Cancellation;

/// # Safety
/// `lock` is a read-write lock.
#[inline(always)]
unsafe fn of<'a>(lock: *mut pthread_rwlock_t) -> &'a RwLock {
    // SAFETY: as the caller promises; the layout is glibc's.
    unsafe { &*lock.cast::<RwLock>() }
}

/// glibc's function that locks one by a time of a clock.
type LockByThen =
    unsafe extern "C-unwind" fn(*mut pthread_rwlock_t, clockid_t, *const timespec) -> c_int;

/// glibc's functions that lock one for reading, or for writing, without a wait and with one.
struct Ways {
    at_once: unsafe extern "C-unwind" fn(*mut pthread_rwlock_t) -> c_int,
    by_then: LockByThen,
}

impl Ways {
    fn to_read() -> Self {
        Self {
            at_once: real!(pthread_rwlock_tryrdlock(_)),
            by_then: real!(pthread_rwlock_clockrdlock(_, _, _)),
        }
    }

    fn to_write() -> Self {
        Self {
            at_once: real!(pthread_rwlock_trywrlock(_)),
            by_then: real!(pthread_rwlock_clockwrlock(_, _, _)),
        }
    }
}

/// Waits until `deadline` for `lock`, which is glibc's, as `block` does in the kernel and the `ways` without that.
///
/// # Safety
/// `lock` is a read-write lock.
unsafe fn wait_for_glibcs(
    lock: *mut pthread_rwlock_t,
    ways: &Ways,
    deadline: Instant,
    block: impl FnOnce() -> c_int,
) -> c_int {
    // Mostly it is free.
    // SAFETY: as the caller promises.
    if unsafe { (ways.at_once)(lock) } == 0 {
        return 0;
    }
    let manner = Manner {
        cancellation: Cancellation::Asynchronous,
        ends: Ends::Never,
        deadline,
    };
    let attempt = || {
        // SAFETY: as the caller promises.
        let result = unsafe { (ways.by_then)(lock, libc::CLOCK_REALTIME, &clock::PAST) };
        (result != libc::ETIMEDOUT).then_some(result)
    };
    let (ended, expired) = (|| libc::EINTR, || libc::ETIMEDOUT);
    attempts::or_block(manner, attempt, ended, expired, block)
}

/// [`wait_for_glibcs`] until `time` of `clock`.
///
/// # Safety
/// As for glibc's function that does so.
unsafe fn wait_by_then(
    lock: *mut pthread_rwlock_t,
    ways: &Ways,
    clock: clockid_t,
    time: *const timespec,
) -> c_int {
    // SAFETY: as the caller promises.
    let block = || unsafe { (ways.by_then)(lock, clock, time) };
    // SAFETY: as the caller promises.
    match unsafe { time::lock_deadline(clock, time) } {
        // SAFETY: as the caller promises.
        Some(deadline) => unsafe { wait_for_glibcs(lock, ways, deadline, block) },
        None => blocking::region(block),
    }
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
        // SAFETY: as the caller promises.
        return unsafe { wait_for_glibcs(lock, &Ways::to_read(), NEVER, || real(lock)) };
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
        // SAFETY: as the caller promises.
        return unsafe { wait_for_glibcs(lock, &Ways::to_write(), NEVER, || real(lock)) };
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
        // SAFETY: as the caller promises.
        return unsafe { wait_by_then(lock, &Ways::to_read(), clock, time) };
    }
    // glibc looks at the time-out first, unlike for mutexes.
    // SAFETY: as the caller promises.
    match unsafe { time::lock_deadline(clock, time) } {
        Some(deadline) => ours.read(|| Ok(deadline)),
        None => libc::EINVAL,
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
        // SAFETY: as the caller promises.
        return unsafe { wait_by_then(lock, &Ways::to_write(), clock, time) };
    }
    // SAFETY: as the caller promises.
    match unsafe { time::lock_deadline(clock, time) } {
        Some(deadline) => ours.write(|| Ok(deadline)),
        None => libc::EINVAL,
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
