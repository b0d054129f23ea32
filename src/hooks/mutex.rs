//! Mutexes.

use core::ffi::c_int;

use libc::{clockid_t, pthread_mutex_t, timespec};

use crate::sched::blocking;
use crate::sync::mutex::Mutex;
use crate::sync::time;
use crate::sys::real::real;

type Plain = unsafe extern "C" fn(*mut pthread_mutex_t) -> c_int;

/// # Safety
/// `mutex` is a mutex.
#[inline(always)]
pub(super) unsafe fn of<'a>(mutex: *mut pthread_mutex_t) -> &'a Mutex {
    // SAFETY: as the caller promises; the layout is glibc's.
    unsafe { &*mutex.cast::<Mutex>() }
}

/// The error of glibc's own function for a green thread.
///
/// Behind a priority ceiling glibc raises the caller's priority, which the kernel
/// refuses with `EINVAL` to a thread of the usual policy. A green thread's id it does
/// not know in the first place.
fn kernels(error: c_int) -> c_int {
    if error == libc::ESRCH {
        libc::EINVAL
    } else {
        error
    }
}

/// Locks, for this module and for condition variables.
///
/// # Safety
/// `mutex` is a mutex.
#[inline(always)]
pub(super) unsafe fn lock(mutex: *mut pthread_mutex_t) -> c_int {
    // SAFETY: as the caller promises.
    let ours = unsafe { of(mutex) };
    if ours.lock_plain() {
        return 0;
    }
    if ours.is_glibcs() {
        let real = real!(pthread_mutex_lock: Plain);
        // SAFETY: as the caller promises.
        return kernels(blocking::region(|| unsafe { real(mutex) }));
    }
    ours.lock()
}

/// Unlocks, for this module and for condition variables.
///
/// # Safety
/// `mutex` is a mutex.
#[inline(always)]
pub(super) unsafe fn unlock(mutex: *mut pthread_mutex_t) -> c_int {
    // SAFETY: as the caller promises.
    let ours = unsafe { of(mutex) };
    if ours.unlock_plain() {
        return 0;
    }
    if ours.is_glibcs() {
        let real = real!(pthread_mutex_unlock: Plain);
        // SAFETY: as the caller promises.
        return unsafe { real(mutex) };
    }
    ours.unlock()
}

export! {
    /// `pthread_mutex_lock(3p)`.
    fn pthread_mutex_lock(mutex: *mut pthread_mutex_t) -> c_int {
        // SAFETY: as the caller promises.
        unsafe { lock(mutex) }
    }

    /// Alias of `pthread_mutex_lock`.
    unchecked fn __pthread_mutex_lock(mutex: *mut pthread_mutex_t) -> c_int {
        // SAFETY: as the caller promises.
        unsafe { lock(mutex) }
    }

    /// `pthread_mutex_trylock(3p)`.
    fn pthread_mutex_trylock(mutex: *mut pthread_mutex_t) -> c_int {
        // SAFETY: as the caller promises.
        let ours = unsafe { of(mutex) };
        if ours.is_glibcs() {
            let real = real!(pthread_mutex_trylock: Plain);
            // SAFETY: as the caller promises.
            return kernels(unsafe { real(mutex) });
        }
        ours.try_lock()
    }

    /// Alias of `pthread_mutex_trylock`.
    unchecked fn __pthread_mutex_trylock(mutex: *mut pthread_mutex_t) -> c_int {
        // SAFETY: as the caller promises.
        unsafe { pthread_mutex_trylock(mutex) }
    }

    /// `pthread_mutex_timedlock(3p)`.
    fn pthread_mutex_timedlock(mutex: *mut pthread_mutex_t, time: *const timespec) -> c_int {
        // SAFETY: as the caller promises.
        unsafe { pthread_mutex_clocklock(mutex, libc::CLOCK_REALTIME, time) }
    }

    /// `pthread_mutex_clocklock`, as POSIX.1-2024.
    unchecked fn pthread_mutex_clocklock(mutex: *mut pthread_mutex_t, clock: clockid_t, time: *const timespec) -> c_int {
        // SAFETY: as the caller promises.
        let ours = unsafe { of(mutex) };
        if ours.is_glibcs() {
            let real = real!(pthread_mutex_clocklock: unsafe extern "C" fn(*mut pthread_mutex_t, clockid_t, *const timespec) -> c_int);
            // SAFETY: as the caller promises.
            return kernels(blocking::region(|| unsafe { real(mutex, clock, time) }));
        }
        if !time::is_supported(clock) {
            return libc::EINVAL;
        }
        // SAFETY: as the caller promises.
        ours.lock_until(|| unsafe { time::deadline(clock, time) })
    }

    /// `pthread_mutex_unlock(3p)`.
    fn pthread_mutex_unlock(mutex: *mut pthread_mutex_t) -> c_int {
        // SAFETY: as the caller promises.
        unsafe { unlock(mutex) }
    }

    /// Alias of `pthread_mutex_unlock`.
    unchecked fn __pthread_mutex_unlock(mutex: *mut pthread_mutex_t) -> c_int {
        // SAFETY: as the caller promises.
        unsafe { unlock(mutex) }
    }

    /// `pthread_mutex_destroy(3p)`.
    fn pthread_mutex_destroy(mutex: *mut pthread_mutex_t) -> c_int {
        // SAFETY: as the caller promises.
        let ours = unsafe { of(mutex) };
        if ours.is_glibcs() {
            let real = real!(pthread_mutex_destroy: Plain);
            // SAFETY: as the caller promises.
            return unsafe { real(mutex) };
        }
        ours.destroy()
    }

    /// Alias of `pthread_mutex_destroy`.
    unchecked fn __pthread_mutex_destroy(mutex: *mut pthread_mutex_t) -> c_int {
        // SAFETY: as the caller promises.
        unsafe { pthread_mutex_destroy(mutex) }
    }
}
