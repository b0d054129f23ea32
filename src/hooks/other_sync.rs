//! Barriers, spin locks, once-only initialisation, giving way.

use core::ffi::c_int;
use core::hint;
use core::sync::atomic::{AtomicI32, Ordering};

use libc::{pthread_barrier_t, pthread_spinlock_t};

use crate::sched::{self, blocking};
use crate::sync::barrier::Barrier;
use crate::sys::errno;
use crate::sys::raw::syscall;
use crate::sys::real::real;
use crate::thread::green;

/// glibc's "done" bit of a `pthread_once_t` (nptl/pthreadP.h).
const ONCE_DONE: i32 = 2;

/// Attempts at a spin lock before others get the CPU.
const SPINS: u32 = 100;

type Initialise = unsafe extern "C-unwind" fn();

fn yield_cpu() -> c_int {
    match green() {
        Some(me) => {
            sched::yield_now(me);
            0
        }
        // SAFETY: no arguments.
        None => errno::to_libc(unsafe { syscall!(SYS_sched_yield) }) as c_int,
    }
}

export! {
    /// `pthread_barrier_wait(3p)`.
    fn pthread_barrier_wait(barrier: *mut pthread_barrier_t) -> c_int {
        // SAFETY: as the caller promises; the layout is glibc's.
        let ours = unsafe { &*barrier.cast::<Barrier>() };
        if ours.is_glibcs() {
            let real = real!(pthread_barrier_wait: unsafe extern "C" fn(*mut pthread_barrier_t) -> c_int);
            // SAFETY: as the caller promises.
            return blocking::region(|| unsafe { real(barrier) });
        }
        ours.wait()
    }

    /// `pthread_barrier_destroy(3p)`. Who has been let through does not look at
    /// the barrier any more.
    fn pthread_barrier_destroy(barrier: *mut pthread_barrier_t) -> c_int {
        // SAFETY: as the caller promises.
        if unsafe { &*barrier.cast::<Barrier>() }.is_glibcs() {
            let real = real!(pthread_barrier_destroy: unsafe extern "C" fn(*mut pthread_barrier_t) -> c_int);
            // SAFETY: as the caller promises.
            return unsafe { real(barrier) };
        }
        0
    }

    /// `pthread_spin_lock(3)`: 1 is free, as glibc's on x86-64. The holder may be
    /// a thread that waits for this CPU.
    fn pthread_spin_lock(lock: *mut pthread_spinlock_t) -> c_int {
        // SAFETY: as the caller promises.
        let word = unsafe { AtomicI32::from_ptr(lock.cast()) };
        while word.swap(0, Ordering::Acquire) != 1 {
            let mut spins = 0;
            while word.load(Ordering::Relaxed) != 1 {
                spins += 1;
                if spins % SPINS == 0 {
                    yield_cpu();
                }
                hint::spin_loop();
            }
        }
        0
    }

    /// `pthread_once(3p)`: glibc's, in a blocking region unless it has been done:
    /// others may wait for the one who initialises.
    unchecked fn pthread_once(control: *mut c_int, initialise: Initialise) -> c_int {
        // SAFETY: as the caller promises.
        if unsafe { AtomicI32::from_ptr(control) }.load(Ordering::Acquire) & ONCE_DONE != 0 {
            return 0;
        }
        let real = real!(pthread_once: unsafe extern "C-unwind" fn(*mut c_int, Initialise) -> c_int);
        // SAFETY: as the caller promises.
        blocking::region(|| unsafe { real(control, initialise) })
    }

    /// Alias of `pthread_once`.
    unchecked fn __pthread_once(control: *mut c_int, initialise: Initialise) -> c_int {
        // SAFETY: as the caller promises.
        unsafe { pthread_once(control, initialise) }
    }

    /// C11 `call_once`.
    unchecked fn call_once(control: *mut c_int, initialise: Initialise) {
        // SAFETY: as the caller promises.
        unsafe { pthread_once(control, initialise) };
    }

    /// `sched_yield(2)`.
    fn sched_yield() -> c_int {
        yield_cpu()
    }

    /// Alias of `sched_yield`.
    unchecked fn __sched_yield() -> c_int {
        yield_cpu()
    }

    /// Alias of `sched_yield`.
    unchecked fn pthread_yield() -> c_int {
        yield_cpu()
    }

    /// C11 `thrd_yield`.
    unchecked fn thrd_yield() {
        yield_cpu();
    }
}
