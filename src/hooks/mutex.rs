//! Mutexes.

use core::ffi::c_int;

use libc::{clockid_t, pthread_mutex_t, pthread_mutexattr_t, timespec};

use super::symbol::{alias, check};
use crate::glibc::real::real;
use crate::ops::attempts::{self, Manner, Outcome};
use crate::ops::turn::Ends;
use crate::sched::blocking;
use crate::sched::tie::{self, Change};
use crate::sync::mutex::Mutex;
use crate::sync::time;
use crate::sys::clock::{self, Instant, NEVER};
use crate::task::word::Cancellation;

/// # Safety
/// `mutex` is a mutex.
#[inline(always)]
pub(super) unsafe fn of<'a>(mutex: *mut pthread_mutex_t) -> &'a Mutex {
    // SAFETY: as the caller promises; the layout is glibc's.
    unsafe { &*mutex.cast::<Mutex>() }
}

/// glibc's function that takes `mutex`, which is glibc's affair.
fn take(mutex: &Mutex, call: impl FnOnce() -> c_int) -> c_int {
    if mutex.is_kernels() {
        return tie::known(call, |result| match result {
            0 | libc::EOWNERDEAD => Change::Taken,
            _ => Change::None,
        });
    }
    blocking::region(call)
}

/// [`take`], by `call`, which may wait until `deadline`. `cancellation` says whose ends that.
///
/// # Safety
/// `mutex` is a mutex.
unsafe fn wait_for_glibcs(
    mutex: *mut pthread_mutex_t,
    cancellation: Cancellation,
    deadline: Instant,
    call: impl FnOnce() -> c_int,
) -> c_int {
    let at_once = real!(pthread_mutex_trylock(_));
    let by_then = real!(pthread_mutex_clocklock(_, _, _));
    // SAFETY: as the caller promises.
    let ours = unsafe { of(mutex) };
    // Mostly it is free. (Of one that is robust an attempt has results of its own.)
    // SAFETY: as the caller promises.
    if ours.is_shared_only() && unsafe { at_once(mutex) } == 0 {
        return 0;
    }
    let manner = Manner {
        cancellation,
        ends: Ends::Never,
        deadline,
    };
    let attempt = || {
        // Unlike `trylock` this says whether the caller has it himself.
        // SAFETY: as the caller promises.
        let result = take(ours, || unsafe {
            by_then(mutex, libc::CLOCK_REALTIME, &clock::PAST)
        });
        (result != libc::ETIMEDOUT).then_some(result)
    };
    match attempts::run(manner, attempt) {
        Outcome::Done(result) => result,
        Outcome::MayBlock | Outcome::Interrupted => take(ours, call),
        Outcome::Timeout => libc::ETIMEDOUT,
    }
}

/// glibc's function that changes something about `mutex` without releasing it.
fn change(mutex: &Mutex, call: impl FnOnce() -> c_int) -> c_int {
    if mutex.is_kernels() {
        return tie::known(call, |_| Change::None);
    }
    call()
}

/// Locks, for this module and for condition variables. `cancellation` says whose ends the
/// wait.
///
/// # Safety
/// `mutex` is a mutex.
#[inline(always)]
pub(super) unsafe fn lock(mutex: *mut pthread_mutex_t, cancellation: Cancellation) -> c_int {
    // SAFETY: as the caller promises.
    unsafe {
        if of(mutex).lock_plain() {
            0
        } else {
            lock_slowly(mutex, cancellation)
        }
    }
}

/// # Safety
/// As for [`lock`].
#[inline(never)]
unsafe fn lock_slowly(mutex: *mut pthread_mutex_t, cancellation: Cancellation) -> c_int {
    // SAFETY: as the caller promises.
    let ours = unsafe { of(mutex) };
    if !ours.is_glibcs()
        && let Some(result) = ours.lock(cancellation)
    {
        return result;
    }
    let real = real!(pthread_mutex_lock(_));
    // SAFETY: as the caller promises.
    unsafe { wait_for_glibcs(mutex, cancellation, NEVER, || real(mutex)) }
}

/// Unlocks, for this module and for condition variables.
///
/// # Safety
/// `mutex` is a mutex.
#[inline(always)]
pub(super) unsafe fn unlock(mutex: *mut pthread_mutex_t) -> c_int {
    // SAFETY: as the caller promises.
    unsafe {
        if of(mutex).unlock_plain() {
            0
        } else {
            unlock_slowly(mutex)
        }
    }
}

/// # Safety
/// As for [`unlock`].
#[inline(never)]
unsafe fn unlock_slowly(mutex: *mut pthread_mutex_t) -> c_int {
    // SAFETY: as the caller promises.
    let ours = unsafe { of(mutex) };
    if ours.is_glibcs() {
        let real = real!(pthread_mutex_unlock(_));
        if ours.is_kernels() {
            let release = |result| match result {
                0 => Change::Released,
                _ => Change::None,
            };
            // SAFETY: as the caller promises.
            return tie::known(|| unsafe { real(mutex) }, release);
        }
        // SAFETY: as the caller promises.
        return unsafe { real(mutex) };
    }
    ours.unlock()
}

/// `pthread_mutex_lock(3p)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(link_section = "green_exposed")]
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_mutex_lock(mutex: *mut pthread_mutex_t) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { lock(mutex, Cancellation::Asynchronous) }
}
check!(pthread_mutex_lock(_));

alias!(
    #[unsafe(link_section = "green_exposed")]
    __pthread_mutex_lock = pthread_mutex_lock
);

/// `pthread_mutex_init(3p)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_mutex_init(
    mutex: *mut pthread_mutex_t,
    attributes: *const pthread_mutexattr_t,
) -> c_int {
    let real = real!(pthread_mutex_init(_, _));
    // SAFETY: as the caller promises.
    let result = unsafe { real(mutex, attributes) };
    let mut shared = libc::PTHREAD_PROCESS_PRIVATE;
    // SAFETY: as the caller promises; the mutex is initialised.
    unsafe {
        if !attributes.is_null() {
            libc::pthread_mutexattr_getpshared(attributes, &mut shared);
        }
        if result == 0 && shared == libc::PTHREAD_PROCESS_PRIVATE {
            of(mutex).set_private();
        }
    }
    result
}
check!(pthread_mutex_init(_, _));

alias!(__pthread_mutex_init = pthread_mutex_init);

/// `pthread_mutex_consistent(3p)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_mutex_consistent(mutex: *mut pthread_mutex_t) -> c_int {
    let real = real!(pthread_mutex_consistent(_));
    // SAFETY: as the caller promises.
    unsafe { change(of(mutex), || real(mutex)) }
}
check!(pthread_mutex_consistent(_));

alias!(pthread_mutex_consistent_np = pthread_mutex_consistent);

/// `pthread_mutex_setprioceiling(3p)`, which locks the mutex for its length.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_mutex_setprioceiling(
    mutex: *mut pthread_mutex_t,
    ceiling: c_int,
    before: *mut c_int,
) -> c_int {
    let real = real!(pthread_mutex_setprioceiling(_, _, _));
    // SAFETY: as the caller promises.
    unsafe { change(of(mutex), || real(mutex, ceiling, before)) }
}

/// `pthread_mutex_trylock(3p)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_mutex_trylock(mutex: *mut pthread_mutex_t) -> c_int {
    // SAFETY: as the caller promises.
    let ours = unsafe { of(mutex) };
    if ours.is_glibcs() {
        let real = real!(pthread_mutex_trylock(_));
        // SAFETY: as the caller promises.
        let call = || unsafe { real(mutex) };
        return match ours.is_kernels() {
            true => take(ours, call),
            false => call(),
        };
    }
    ours.try_lock()
}
check!(pthread_mutex_trylock(_));

alias!(__pthread_mutex_trylock = pthread_mutex_trylock);

/// `pthread_mutex_timedlock(3p)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_mutex_timedlock(
    mutex: *mut pthread_mutex_t,
    time: *const timespec,
) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { pthread_mutex_clocklock(mutex, libc::CLOCK_REALTIME, time) }
}
check!(pthread_mutex_timedlock(_, _));

/// `pthread_mutex_clocklock`, as POSIX.1-2024.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_mutex_clocklock(
    mutex: *mut pthread_mutex_t,
    clock: clockid_t,
    time: *const timespec,
) -> c_int {
    // SAFETY: as the caller promises.
    let ours = unsafe { of(mutex) };
    if !ours.is_glibcs() {
        if !time::is_supported(clock) {
            return libc::EINVAL;
        }
        // SAFETY: as the caller promises.
        if let Some(result) = ours.lock_until(|| unsafe { time::deadline(clock, time) }) {
            return result;
        }
    }
    let real = real!(pthread_mutex_clocklock(_, _, _));
    // SAFETY: as the caller promises.
    let call = || unsafe { real(mutex, clock, time) };
    // SAFETY: as the caller promises.
    match unsafe { time::lock_deadline(clock, time) } {
        // SAFETY: as the caller promises.
        Some(deadline) => unsafe {
            wait_for_glibcs(mutex, Cancellation::Asynchronous, deadline, call)
        },
        None => take(ours, call),
    }
}

/// `pthread_mutex_unlock(3p)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(link_section = "green_exposed")]
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_mutex_unlock(mutex: *mut pthread_mutex_t) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { unlock(mutex) }
}
check!(pthread_mutex_unlock(_));

alias!(
    #[unsafe(link_section = "green_exposed")]
    __pthread_mutex_unlock = pthread_mutex_unlock
);

/// `pthread_mutex_destroy(3p)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_mutex_destroy(mutex: *mut pthread_mutex_t) -> c_int {
    // SAFETY: as the caller promises.
    let ours = unsafe { of(mutex) };
    if ours.is_glibcs() {
        let real = real!(pthread_mutex_destroy(_));
        // SAFETY: as the caller promises.
        return unsafe { real(mutex) };
    }
    ours.destroy()
}
check!(pthread_mutex_destroy(_));

alias!(__pthread_mutex_destroy = pthread_mutex_destroy);
