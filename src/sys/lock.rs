//! The runtime's own lock.
//!
//! Held for a few dozen instructions at a time and always inside a
//! [`Critical`](crate::thread::Critical) section, so that no signal handler of
//! the program ever runs on top of it. It blocks the *kernel* thread: it guards
//! the very structures that parking a green thread needs.
//!
//! | word | meaning |
//! | --- | --- |
//! | 0 | free |
//! | 1 | held |
//! | 2 | held, and kernel threads may sleep on it |

use core::hint;
use core::sync::atomic::{AtomicU32, Ordering};

use super::futex;

/// A three-state futex lock (Drepper, "Futexes are tricky", mutex 2).
#[derive(Default)]
pub struct RawLock(AtomicU32);

impl RawLock {
    /// A free lock.
    pub const fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// Takes the lock, after a short spin by sleeping in the kernel.
    #[inline(always)]
    pub fn lock(&self) {
        if !self.try_lock() {
            self.lock_slow();
        }
    }

    /// Takes the lock if it is free.
    #[inline(always)]
    #[must_use]
    pub fn try_lock(&self) -> bool {
        // Acquire pairs with the Release in `unlock`.
        self.0
            .compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    /// Gives the lock back. Only the holder may call this; the holder may be
    /// another context than the one that took it.
    #[inline(always)]
    pub fn unlock(&self) {
        if self.0.swap(0, Ordering::Release) == 2 {
            self.wake();
        }
    }

    #[cold]
    fn wake(&self) {
        futex::wake(self.0.as_ptr(), 1);
    }

    #[cold]
    fn lock_slow(&self) {
        for _ in 0..100 {
            if self.0.load(Ordering::Relaxed) == 0 && self.try_lock() {
                return;
            }
            hint::spin_loop();
        }
        while self.0.swap(2, Ordering::Acquire) != 0 {
            futex::wait(&self.0, 2);
        }
    }
}
