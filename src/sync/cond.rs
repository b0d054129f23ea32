//! Condition variables.

use core::sync::atomic::{AtomicU32, Ordering};

use super::queue::{self, Node, Verdict};
use crate::sys::clock::Instant;
use crate::thread::wait::Wake;

/// glibc's `pthread_cond_t`, 48 bytes, all zeros but for the flags. The first
/// word is ours.
#[repr(C)]
pub struct Cond {
    waiters: AtomicU32,
    unused: [u32; 8],
    flags: AtomicU32,
    rest: [u32; 2],
}

/// glibc's `__PTHREAD_COND_SHARED_MASK` and `__PTHREAD_COND_CLOCK_MONOTONIC_MASK`.
const SHARED: u32 = 1;
const MONOTONIC: u32 = 2;

impl Cond {
    /// Whether it is shared between processes, and so glibc's affair.
    #[inline(always)]
    pub fn is_glibcs(&self) -> bool {
        self.flags.load(Ordering::Relaxed) & SHARED != 0
    }

    /// The clock that `pthread_cond_timedwait` goes by.
    pub fn clock(&self) -> libc::clockid_t {
        if self.flags.load(Ordering::Relaxed) & MONOTONIC != 0 {
            libc::CLOCK_MONOTONIC
        } else {
            libc::CLOCK_REALTIME
        }
    }

    fn key(&self) -> usize {
        self.waiters.as_ptr() as usize
    }

    /// Waits until woken or until `deadline`, having let the mutex go by `unlock`.
    /// A signal handler that runs meanwhile ends the wait, as POSIX allows. After
    /// the wake-up the condition variable may be gone.
    pub fn wait(&self, unlock: impl FnOnce(), deadline: Instant) -> Wake {
        // While the mutex is held: whoever signals after taking it sees us.
        self.waiters.fetch_add(1, Ordering::Relaxed);
        let left = || {
            self.waiters.fetch_sub(1, Ordering::Relaxed);
        };
        // `validate` has no reason to refuse.
        queue::wait(self.key(), deadline, true, || Some(0), unlock, left).unwrap_or(Wake::Ready)
    }

    /// Wakes up to `count` waiters.
    #[inline]
    pub fn wake(&self, count: usize) {
        if self.waiters.load(Ordering::Relaxed) != 0 {
            self.wake_slow(count);
        }
    }

    fn wake_slow(&self, count: usize) {
        let verdict = |_: &Node, woken| {
            if woken == count {
                return Verdict::Stop;
            }
            // Under the queue's lock, and before the waiter runs: the last one
            // may free the condition variable.
            self.waiters.fetch_sub(1, Ordering::Relaxed);
            Verdict::Wake(Wake::Ready)
        };
        queue::wake(self.key(), verdict, |_, _| ());
    }
}
