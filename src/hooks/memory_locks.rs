//! Locking all memory.
//!
//! libgreen reserves much more than it uses: room for the stacks of many threads, and for
//! all descriptors. That is not to be filled and kept in memory. (What it reserves later
//! is unlocked at once, see [`pages::reserve_sparse`].)

use core::ffi::c_int;

use super::symbol::check;
use crate::glibc::real::real;
use crate::hub::descriptor;
use crate::sys::pages;
use crate::task::{Critical, reservation};

/// `mlockall(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn mlockall(flags: c_int) -> c_int {
    let real = real!(mlockall(_));
    // SAFETY: plain arguments.
    lock(flags, || unsafe { real(flags) })
}
check!(mlockall(_));

/// `call`, which locks what `flags` says, and returns 0 if it does.
pub(super) fn lock<R: From<i8> + PartialEq>(flags: c_int, call: impl FnOnce() -> R) -> R {
    let result = call();
    if result == R::from(0) {
        pages::set_locking(flags & libc::MCL_FUTURE != 0);
        if flags & libc::MCL_CURRENT != 0 {
            let _critical = Critical::enter();
            reservation::unlock_rest();
            descriptor::unlock();
        }
    }
    result
}

/// `munlockall(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn munlockall() -> c_int {
    let real = real!(munlockall());
    // SAFETY: no arguments.
    unlock(|| unsafe { real() })
}
check!(munlockall());

/// `call`, which unlocks all.
pub(super) fn unlock<R>(call: impl FnOnce() -> R) -> R {
    pages::set_locking(false);
    call()
}
