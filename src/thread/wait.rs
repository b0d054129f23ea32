//! The rendezvous of a thread that parks and whoever wakes it.
//!
//! A waiter arms its word, puts itself where wakers will find it (any number of
//! queues and a timer), and commits. Whoever moves the word from "armed" to
//! "claimed" first has won the right to wake it, and has said why. Two more
//! facts decide who makes it runnable: the context must have been saved, and the
//! claim must have been made; whichever of the two comes second does it.
//!
//! | bits | name | set by | meaning |
//! | --- | --- | --- | --- |
//! | 0 | ARMED | the waiter | claims are welcome |
//! | 1 | SAVED | the next context | the waiter's registers are in memory |
//! | 2 | CLAIMED | the waker | the waiter will run; no further claim |
//! | 3 | POINT | the waiter | it is at a cancellation point |
//! | 8–15 | reason | the waker | a [`Wake`] |

use core::sync::atomic::Ordering;

use super::{Kind, Thread};
use crate::hub::timer;
use crate::sched;
use crate::signal::{self, SIGCANCEL};
use crate::sys::clock::{self, Instant, NEVER};
use crate::sys::futex;

const ARMED: u32 = 1;
const SAVED: u32 = 2;
const CLAIMED: u32 = 4;
const POINT: u32 = 8;
const REASON_SHIFT: u32 = 8;

/// Why a parked thread runs again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Wake {
    /// What it waited for has happened, or may have.
    Ready = 1,
    /// Its deadline has passed.
    Timeout = 2,
    /// A signal or a cancellation request wants it.
    Interrupted = 3,
    /// The descriptor that it waited on was closed.
    Closed = 4,
    /// The lock that it waited for is already its own.
    Granted = 5,
}

impl Wake {
    fn of(word: u32) -> Self {
        match word >> REASON_SHIFT {
            2 => Self::Timeout,
            3 => Self::Interrupted,
            4 => Self::Closed,
            5 => Self::Granted,
            _ => Self::Ready,
        }
    }
}

impl Thread {
    /// Opens a wait: from here on wakers may claim the calling thread. A request
    /// for its cancellation that comes, or has come, ends the wait as a signal
    /// does if this is a cancellation point.
    #[inline(always)]
    pub(crate) fn arm(&self, point: bool) {
        // Relaxed: published by the lock of the queue that the waiter enters next.
        let word = if point { ARMED | POINT } else { ARMED };
        self.wait.store(word, Ordering::Relaxed);
    }

    /// Claims the thread for `reason` and makes it runnable. False when it is
    /// not waiting or somebody else was first.
    #[inline]
    pub(crate) fn wake(&self, reason: Wake) -> bool {
        let mut word = self.wait.load(Ordering::Relaxed);
        loop {
            if word & (ARMED | CLAIMED) != ARMED {
                return false;
            }
            let claimed = word | CLAIMED | (reason as u32) << REASON_SHIFT;
            let kernel_thread = !self.parks();
            // AcqRel: Acquire pairs with `saved` (the context is in memory),
            // Release with the load in `commit` (what the waker did before).
            match self.wait.compare_exchange_weak(
                word,
                claimed,
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) if kernel_thread => futex::wake(self.wait.as_ptr(), 1),
                Ok(_) if word & SAVED != 0 => {
                    sched::make_runnable(self);
                    0
                }
                Ok(_) => 0,
                Err(now) => {
                    word = now;
                    continue;
                }
            };
            return true;
        }
    }

    /// The waiter's context is in memory: called by the context that runs next.
    #[inline(always)]
    pub(crate) fn saved(&self) {
        // AcqRel pairs with the claim in `wake`: one of the two sees the other.
        if self.wait.fetch_or(SAVED, Ordering::AcqRel) & CLAIMED != 0 {
            sched::make_runnable(self);
        }
    }

    /// Whether a claim has been made since the thread armed.
    #[inline(always)]
    pub(crate) fn is_claimed(&self) -> bool {
        self.wait.load(Ordering::Acquire) & CLAIMED != 0
    }

    /// Leaves the CPU until claimed, or until `deadline`. The caller is inside a
    /// [`Critical`](super::Critical) section, has armed, and holds no lock.
    ///
    /// A signal that was sent before the thread armed claims it here. Whoever
    /// sends one marks it pending, then tries to claim; the waiter arms, releases
    /// a lock (on x86-64 a full barrier), then looks for pending ones: one of the
    /// two sees the other.
    #[inline]
    pub(crate) fn commit(&'static self, deadline: Instant) -> Wake {
        let wanted = self.deliverable();
        if wanted != 0
            && (wanted != signal::bit(SIGCANCEL) || self.wait.load(Ordering::Relaxed) & POINT != 0)
        {
            self.wake(Wake::Interrupted);
        }
        if self.parks() {
            if deadline == NEVER {
                sched::park(self);
            } else {
                timer::arm(self, deadline);
                sched::park(self);
                timer::disarm(self);
            }
        } else {
            self.commit_kernel(deadline);
        }
        // Acquire pairs with the claim. The word goes back to "not waiting".
        let word = self.wait.load(Ordering::Acquire);
        self.wait.store(0, Ordering::Relaxed);
        Wake::of(word)
    }

    /// Takes an armed wait back, before parking: who has claimed the thread
    /// meanwhile has nothing else to do.
    pub(crate) fn cancel_wait(&self) -> Wake {
        // AcqRel: after this nobody claims, and who has claimed is seen.
        match self.wait.swap(0, Ordering::AcqRel) {
            word if word & CLAIMED != 0 => Wake::of(word),
            _ => Wake::Ready,
        }
    }

    /// [`commit`](Self::commit) for a thread that has a kernel thread to itself.
    #[cold]
    fn commit_kernel(&self, deadline: Instant) {
        debug_assert!(self.kind() != Kind::Base);
        loop {
            let word = self.wait.load(Ordering::Acquire);
            if word & CLAIMED != 0 {
                return;
            }
            let result = match clock::until(deadline) {
                None => futex::wait(&self.wait, word),
                Some(left) if left.is_zero() => -(libc::ETIMEDOUT as isize),
                Some(left) => futex::wait_for(&self.wait, word, left),
            };
            match -result as i32 {
                libc::ETIMEDOUT => self.wake(Wake::Timeout),
                libc::EINTR => self.wake(Wake::Interrupted),
                _ => false,
            };
        }
    }
}
