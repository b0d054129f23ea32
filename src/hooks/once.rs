//! Once-only initialisation.

use core::ffi::c_int;
use core::sync::atomic::{AtomicI32, Ordering};

use super::symbol::{alias, check};
use crate::glibc::real::real;
use crate::sched::blocking;

/// glibc's "done" bit of a `pthread_once_t` (nptl/pthreadP.h).
const ONCE_DONE: i32 = 2;

type Initialise = unsafe extern "C-unwind" fn();

/// `pthread_once(3p)`: glibc's, in a blocking region unless it has been done:
/// others may wait for the one who initialises.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_once(control: *mut c_int, initialise: Initialise) -> c_int {
    // SAFETY: as the caller promises.
    if unsafe { AtomicI32::from_ptr(control) }.load(Ordering::Acquire) & ONCE_DONE != 0 {
        return 0;
    }
    let real = real!(pthread_once(_, _));
    // SAFETY: as the caller promises.
    blocking::region(|| unsafe { real(control, initialise) })
}
check!(pthread_once(_, _));

alias!(__pthread_once = pthread_once);

/// C11 `call_once`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn call_once(control: *mut c_int, initialise: Initialise) {
    // SAFETY: as the caller promises.
    unsafe { pthread_once(control, initialise) };
}
