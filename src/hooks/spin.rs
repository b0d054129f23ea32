//! Spin locks.

use core::ffi::c_int;
use core::hint;
use core::sync::atomic::{AtomicI32, Ordering};

use libc::pthread_spinlock_t;

use super::give_way;
use super::symbol::check;
use crate::signal::cancel;

/// Attempts before others get the CPU.
const SPINS: u32 = 100;

/// `pthread_spin_lock(3)`: 1 is free, as glibc's on x86-64. The holder may be
/// a thread that waits for this CPU.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_spin_lock(lock: *mut pthread_spinlock_t) -> c_int {
    // SAFETY: as the caller promises.
    let word = unsafe { AtomicI32::from_ptr(lock.cast()) };
    while word.swap(0, Ordering::Acquire) != 1 {
        let mut spins = 0;
        while word.load(Ordering::Relaxed) != 1 {
            spins += 1;
            if spins % SPINS == 0 {
                // SAFETY: no arguments.
                unsafe { give_way::sched_yield() };
                cancel::anywhere();
            }
            hint::spin_loop();
        }
    }
    0
}
check!(pthread_spin_lock(_));
