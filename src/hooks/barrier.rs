//! Barriers.

use core::ffi::c_int;

use libc::pthread_barrier_t;

use super::symbol::check;
use crate::glibc::real::real;
use crate::sched::blocking;
use crate::sync::barrier::Barrier;

/// `pthread_barrier_wait(3p)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_barrier_wait(barrier: *mut pthread_barrier_t) -> c_int {
    // SAFETY: as the caller promises; the layout is glibc's.
    let ours = unsafe { &*barrier.cast::<Barrier>() };
    if ours.is_glibcs() {
        let real = real!(pthread_barrier_wait(_));
        // SAFETY: as the caller promises.
        return blocking::region(|| unsafe { real(barrier) });
    }
    ours.wait()
}
check!(pthread_barrier_wait(_));

/// `pthread_barrier_destroy(3p)`. Who has been let through does not look at
/// the barrier any more.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_barrier_destroy(barrier: *mut pthread_barrier_t) -> c_int {
    // SAFETY: as the caller promises.
    if unsafe { &*barrier.cast::<Barrier>() }.is_glibcs() {
        let real = real!(pthread_barrier_destroy(_));
        // SAFETY: as the caller promises.
        return unsafe { real(barrier) };
    }
    0
}
check!(pthread_barrier_destroy(_));
