//! Condition variables.

use core::ffi::c_int;

use libc::{clockid_t, pthread_cond_t, pthread_mutex_t, timespec};

use super::mutex;
use super::symbol::check;
use crate::glibc::real::real;
use crate::ops::attempts::{self, Manner, Outcome};
use crate::ops::turn::Ends;
use crate::sched::tie::{self, Change};
use crate::sched::{blocking, wake};
use crate::signal::cancel;
use crate::sync::cond::Cond;
use crate::sync::time;
use crate::sys::clock::{Instant, NEVER};
use crate::task::current;
use crate::task::word::{Cancellation, Wake};

/// # Safety
/// `cond` is a condition variable.
#[inline(always)]
unsafe fn of<'a>(cond: *mut pthread_cond_t) -> &'a Cond {
    // SAFETY: as the caller promises; the layout is glibc's.
    unsafe { &*cond.cast::<Cond>() }
}

/// Waits on one of ours.
///
/// # Safety
/// As for `pthread_cond_wait`.
unsafe fn wait_on_ours(
    cond: *mut pthread_cond_t,
    mutex: *mut pthread_mutex_t,
    deadline: Instant,
) -> c_int {
    cancel::point();
    // SAFETY: as the caller promises.
    let (ours, its_mutex) = unsafe { (of(cond), mutex::of(mutex)) };
    if !its_mutex.is_glibcs() {
        let error = its_mutex.unlock_error();
        if error != 0 {
            return error;
        }
    }
    // A thread that is in a queue must not come loose from its kernel thread, where it is
    // going to sleep.
    let is_kernels = its_mutex.is_glibcs() && its_mutex.is_kernels();
    if is_kernels {
        tie::tie();
    }
    let mut refused = 0;
    let unlock = || {
        its_mutex.add_user();
        // SAFETY: as the caller promises: the caller holds the mutex.
        refused = unsafe { mutex::unlock(mutex) };
        if refused != 0 {
            its_mutex.remove_user();
            wake::claim(current(), Wake::Interrupted);
        }
        refused == 0
    };
    // Also to be cancelled, and to end in a handler: cleanup handlers run with the mutex held.
    let lock = || {
        // SAFETY: as the caller promises.
        let error = unsafe { mutex::lock(mutex, Cancellation::Never) };
        if matches!(error, 0 | libc::EOWNERDEAD) {
            its_mutex.remove_user();
        }
        if is_kernels {
            tie::untie();
        }
        error
    };
    let reason = ours.wait(unlock, deadline, || {
        lock();
    });
    if refused != 0 {
        if is_kernels {
            tie::untie();
        }
        if reason == Wake::Ready {
            // Meant for somebody who waits.
            ours.signal();
        }
        return refused;
    }
    let error = lock();
    if reason == Wake::Interrupted {
        cancel::point();
    }
    match reason {
        _ if error != 0 => error,
        Wake::Timeout => libc::ETIMEDOUT,
        _ => 0,
    }
}

/// Has glibc wait on one of its own by `call`, until `deadline`; `None` if there is no such time, which
/// glibc says.
///
/// # Safety
/// As for `pthread_cond_wait`.
unsafe fn wait_in_glibc(
    mutex: *mut pthread_mutex_t,
    deadline: Option<Instant>,
    call: impl FnOnce() -> c_int,
) -> c_int {
    // SAFETY: as the caller promises.
    let its_mutex = unsafe { mutex::of(mutex) };
    if !its_mutex.is_glibcs() {
        let error = its_mutex.unlock_error();
        if error != 0 {
            return error;
        }
        its_mutex.give_to_glibc();
    }
    if its_mutex.is_kernels() {
        return tie::known(call, |result| match result {
            libc::ENOTRECOVERABLE => Change::Released,
            _ => Change::None,
        });
    }
    let Some(deadline) = deadline else {
        return blocking::region(call);
    };
    let mut looks = 0;
    let wake_for_nothing = || {
        looks += 1;
        (looks > attempts::BEFORE_WAKING_FOR_NOTHING).then_some(())
    };
    let manner = Manner {
        cancellation: Cancellation::Never,
        ends: Ends::Always,
        deadline,
    };
    if blocking::await_successor() {
        return blocking::region(call);
    }
    // SAFETY: as the caller promises: the caller holds the mutex.
    let refused = unsafe { mutex::unlock(mutex) };
    if refused != 0 {
        return refused;
    }
    let outcome = attempts::run(manner, wake_for_nothing);
    // SAFETY: as the caller promises.
    let error = unsafe { mutex::lock(mutex, Cancellation::Never) };
    cancel::point();
    match outcome {
        _ if error != 0 => error,
        Outcome::Timeout => libc::ETIMEDOUT,
        Outcome::Done(()) | Outcome::MayBlock | Outcome::Interrupted => 0,
    }
}

/// `pthread_cond_wait(3p)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_cond_wait(
    cond: *mut pthread_cond_t,
    mutex: *mut pthread_mutex_t,
) -> c_int {
    // SAFETY: as the caller promises.
    if unsafe { of(cond) }.is_glibcs() {
        let real = real!(pthread_cond_wait @ "GLIBC_2.3.2" (_, _));
        // SAFETY: as the caller promises.
        return unsafe { wait_in_glibc(mutex, Some(NEVER), || real(cond, mutex)) };
    }
    // SAFETY: as the caller promises.
    unsafe { wait_on_ours(cond, mutex, NEVER) }
}
check!(pthread_cond_wait(_, _));

/// `pthread_cond_timedwait(3p)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_cond_timedwait(
    cond: *mut pthread_cond_t,
    mutex: *mut pthread_mutex_t,
    time: *const timespec,
) -> c_int {
    // SAFETY: as the caller promises.
    let ours = unsafe { of(cond) };
    if ours.is_glibcs() {
        let real = real!(pthread_cond_timedwait @ "GLIBC_2.3.2" (_, _, _));
        // SAFETY: as the caller promises.
        let deadline = unsafe { time::deadline(ours.clock(), time) }.ok();
        // SAFETY: as the caller promises.
        return unsafe { wait_in_glibc(mutex, deadline, || real(cond, mutex, time)) };
    }
    // SAFETY: as the caller promises.
    match unsafe { time::deadline(ours.clock(), time) } {
        // SAFETY: as the caller promises.
        Ok(deadline) => unsafe { wait_on_ours(cond, mutex, deadline) },
        Err(error) => error,
    }
}
check!(pthread_cond_timedwait(_, _, _));

/// `pthread_cond_clockwait`, as POSIX.1-2024.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_cond_clockwait(
    cond: *mut pthread_cond_t,
    mutex: *mut pthread_mutex_t,
    clock: clockid_t,
    time: *const timespec,
) -> c_int {
    // SAFETY: as the caller promises.
    if unsafe { of(cond) }.is_glibcs() {
        let real = real!(pthread_cond_clockwait(_, _, _, _));
        // SAFETY: as the caller promises.
        let deadline = unsafe { time::lock_deadline(clock, time) };
        // SAFETY: as the caller promises.
        return unsafe { wait_in_glibc(mutex, deadline, || real(cond, mutex, clock, time)) };
    }
    if !time::is_supported(clock) {
        return libc::EINVAL;
    }
    // SAFETY: as the caller promises.
    match unsafe { time::deadline(clock, time) } {
        // SAFETY: as the caller promises.
        Ok(deadline) => unsafe { wait_on_ours(cond, mutex, deadline) },
        Err(error) => error,
    }
}

/// `pthread_cond_signal(3p)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_cond_signal(cond: *mut pthread_cond_t) -> c_int {
    // SAFETY: as the caller promises.
    let ours = unsafe { of(cond) };
    if ours.is_glibcs() {
        let real = real!(pthread_cond_signal @ "GLIBC_2.3.2" (_));
        // SAFETY: as the caller promises.
        return unsafe { real(cond) };
    }
    ours.signal();
    0
}
check!(pthread_cond_signal(_));

/// `pthread_cond_broadcast(3p)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_cond_broadcast(cond: *mut pthread_cond_t) -> c_int {
    // SAFETY: as the caller promises.
    let ours = unsafe { of(cond) };
    if ours.is_glibcs() {
        let real = real!(pthread_cond_broadcast @ "GLIBC_2.3.2" (_));
        // SAFETY: as the caller promises.
        return unsafe { real(cond) };
    }
    ours.broadcast();
    0
}
check!(pthread_cond_broadcast(_));

/// `pthread_cond_destroy(3p)`. Who was woken before does not look at the
/// condition variable any more.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_cond_destroy(cond: *mut pthread_cond_t) -> c_int {
    // SAFETY: as the caller promises.
    if unsafe { of(cond) }.is_glibcs() {
        let real = real!(pthread_cond_destroy @ "GLIBC_2.3.2" (_));
        // SAFETY: as the caller promises.
        return unsafe { real(cond) };
    }
    0
}
check!(pthread_cond_destroy(_));
