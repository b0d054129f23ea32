//! C11's mutexes and condition variables: the pthread ones by other names
//! (glibc, nptl/mtx_lock.c and neighbours).

use core::ffi::c_int;

use libc::{pthread_cond_t, pthread_mutex_t, timespec};

use super::{cond, mutex};

// <threads.h>
const THRD_SUCCESS: c_int = 0;
const THRD_BUSY: c_int = 1;
const THRD_ERROR: c_int = 2;
const THRD_TIMEDOUT: c_int = 4;

fn result(error: c_int) -> c_int {
    match error {
        0 => THRD_SUCCESS,
        libc::EBUSY => THRD_BUSY,
        libc::ETIMEDOUT => THRD_TIMEDOUT,
        _ => THRD_ERROR,
    }
}

/// C11 `mtx_lock`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn mtx_lock(lock: *mut pthread_mutex_t) -> c_int {
    // SAFETY: as the caller promises, here and below.
    result(unsafe { mutex::pthread_mutex_lock(lock) })
}

/// C11 `mtx_trylock`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn mtx_trylock(lock: *mut pthread_mutex_t) -> c_int {
    // SAFETY: as the caller promises.
    result(unsafe { mutex::pthread_mutex_trylock(lock) })
}

/// C11 `mtx_timedlock`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn mtx_timedlock(
    lock: *mut pthread_mutex_t,
    time: *const timespec,
) -> c_int {
    // SAFETY: as the caller promises.
    result(unsafe { mutex::pthread_mutex_timedlock(lock, time) })
}

/// C11 `mtx_unlock`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn mtx_unlock(lock: *mut pthread_mutex_t) -> c_int {
    // SAFETY: as the caller promises.
    result(unsafe { mutex::pthread_mutex_unlock(lock) })
}

/// C11 `mtx_destroy`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn mtx_destroy(lock: *mut pthread_mutex_t) {
    // SAFETY: as the caller promises.
    unsafe { mutex::pthread_mutex_destroy(lock) };
}

/// C11 `cnd_wait`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn cnd_wait(
    condition: *mut pthread_cond_t,
    lock: *mut pthread_mutex_t,
) -> c_int {
    // SAFETY: as the caller promises.
    result(unsafe { cond::pthread_cond_wait(condition, lock) })
}

/// C11 `cnd_timedwait`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn cnd_timedwait(
    condition: *mut pthread_cond_t,
    lock: *mut pthread_mutex_t,
    time: *const timespec,
) -> c_int {
    // SAFETY: as the caller promises.
    result(unsafe { cond::pthread_cond_timedwait(condition, lock, time) })
}

/// C11 `cnd_signal`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn cnd_signal(condition: *mut pthread_cond_t) -> c_int {
    // SAFETY: as the caller promises.
    result(unsafe { cond::pthread_cond_signal(condition) })
}

/// C11 `cnd_broadcast`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn cnd_broadcast(condition: *mut pthread_cond_t) -> c_int {
    // SAFETY: as the caller promises.
    result(unsafe { cond::pthread_cond_broadcast(condition) })
}

/// C11 `cnd_destroy`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn cnd_destroy(condition: *mut pthread_cond_t) {
    // SAFETY: as the caller promises.
    unsafe { cond::pthread_cond_destroy(condition) };
}
