//! Condition variables.

use core::sync::atomic::{AtomicU32, Ordering};

use crate::glibc::condition::{self, MONOTONIC, SHARED, WORDS};
use crate::sched::{park, wake};
use crate::sys::clock::Instant;
use crate::task::seat::Seat;
use crate::task::word::Wake;
use crate::wait::queue::Verdict;

/// glibc's `pthread_cond_t`, all zeros but for the flags, which lie where [`condition::flags_word`] says.
/// The first word is ours.
#[repr(C)]
pub struct Cond([AtomicU32; WORDS]);

impl Cond {
    /// The flags, if it is known where they lie.
    #[inline(always)]
    fn flags(&self) -> Option<u32> {
        Some(self.0.get(condition::flags_word())?.load(Ordering::Relaxed))
    }

    /// Whether it is shared between processes, or of unknown shape, and so glibc's affair.
    #[inline(always)]
    pub fn is_glibcs(&self) -> bool {
        self.flags().is_none_or(|flags| flags & SHARED != 0)
    }

    /// The clock that `pthread_cond_timedwait` goes by.
    pub fn clock(&self) -> libc::clockid_t {
        if self.flags().is_some_and(|flags| flags & MONOTONIC != 0) {
            libc::CLOCK_MONOTONIC
        } else {
            libc::CLOCK_REALTIME
        }
    }

    /// How many wait.
    #[inline(always)]
    fn waiters(&self) -> &AtomicU32 {
        &self.0[0]
    }

    fn key(&self) -> usize {
        self.waiters().as_ptr() as usize
    }

    /// Waits until woken or until `deadline`, having let the mutex go by `unlock`, which says
    /// whether it could. Handlers that run meanwhile do not end the wait; if one ends the thread
    /// `unwound` runs. After the wake-up the condition variable may be gone.
    pub fn wait(
        &self,
        unlock: impl FnOnce() -> bool,
        deadline: Instant,
        unwound: impl FnMut(),
    ) -> Wake {
        // While the mutex is held: whoever signals after taking it sees us.
        let enter = || self.count(1);
        let left = || self.leave();
        park::on_address_despite_handlers(self.key(), deadline, enter, unlock, left, unwound)
    }

    /// One waiter less. Before the waiter runs: the last one may free the condition variable.
    fn leave(&self) {
        self.count(-1);
    }

    /// So many waiters more. Under the queue's lock, as whenever the number changes.
    fn count(&self, more: i32) {
        let waiters = self.waiters().load(Ordering::Relaxed);
        self.waiters()
            .store(waiters.wrapping_add_signed(more), Ordering::Relaxed);
    }

    /// Wakes a waiter.
    #[inline]
    pub fn signal(&self) {
        if self.waiters().load(Ordering::Relaxed) != 0 {
            self.signal_slow();
        }
    }

    fn signal_slow(&self) {
        let verdict = |_: &Seat, woken| {
            if woken == 1 {
                return Verdict::Stop;
            }
            self.leave();
            Verdict::Wake(Wake::Ready)
        };
        wake::at(self.key(), |mut waiters, woken| {
            // One that runs a handler may take its time.
            if waiters.claim(woken, verdict).0 == 0 {
                waiters.release_absent(1, || self.leave());
            }
        });
    }

    /// Wakes all waiters.
    #[inline]
    pub fn broadcast(&self) {
        if self.waiters().load(Ordering::Relaxed) != 0 {
            self.broadcast_slow();
        }
    }

    fn broadcast_slow(&self) {
        let verdict = |_: &Seat, _| {
            self.leave();
            Verdict::Wake(Wake::Ready)
        };
        wake::at(self.key(), |mut waiters, woken| {
            waiters.release_absent(usize::MAX, || self.leave());
            waiters.claim(woken, verdict);
        });
    }
}
