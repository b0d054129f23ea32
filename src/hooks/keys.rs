//! Thread-specific data: which key has which destructor.

use core::ffi::c_int;

use libc::pthread_key_t;

use super::symbol::{alias, check};
use crate::glibc::real::real;
use crate::thread::keys::{self, Destructor};

const THRD_SUCCESS: c_int = 0;
const THRD_ERROR: c_int = 2;

/// `pthread_key_create(3p)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_key_create(
    key: *mut pthread_key_t,
    destructor: Option<Destructor>,
) -> c_int {
    let real = real!(pthread_key_create(_, _));
    // SAFETY: as the caller promises.
    let result = unsafe { real(key, destructor) };
    if result == 0 {
        // SAFETY: written by the successful call.
        keys::created(unsafe { key.read() }, destructor);
    }
    result
}
check!(pthread_key_create(_, _));

alias!(__pthread_key_create = pthread_key_create);

/// `pthread_key_delete(3p)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_key_delete(key: pthread_key_t) -> c_int {
    keys::deleted(key);
    let real = real!(pthread_key_delete(_));
    // SAFETY: as the caller promises.
    unsafe { real(key) }
}
check!(pthread_key_delete(_));

/// C11 `tss_create`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn tss_create(
    key: *mut pthread_key_t,
    destructor: Option<Destructor>,
) -> c_int {
    // SAFETY: as the caller promises.
    if unsafe { pthread_key_create(key, destructor) } == 0 {
        THRD_SUCCESS
    } else {
        THRD_ERROR
    }
}

/// C11 `tss_delete`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn tss_delete(key: pthread_key_t) {
    // SAFETY: as the caller promises.
    unsafe { pthread_key_delete(key) };
}
