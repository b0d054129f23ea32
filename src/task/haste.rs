//! Whether a thread that wakes another leaves the CPU soon after that.
//!
//! If it does, the other runs next where it is warm, and to call a second worker would only
//! move it to another CPU. If it goes on computing the other has to start elsewhere at
//! once. A thread is taken for one that goes on until it has left soon after a few wakes in
//! a row, and as soon as it has not; the monitor looks out for those who surprise.

use core::sync::atomic::{AtomicBool, Ordering};

use crate::arch::cycles;
use crate::sys::cell::Cell;

/// Soon: about ten microseconds, in cycles.
const SOON: u64 = 25_000;
/// So many times in a row.
const SURE: u8 = 3;
/// Of a thread whose habit is known one in so many wakes is timed: to read the counter twice
/// takes a tenth of a round trip. A change of the habit is noticed so many wakes later at most.
const SAMPLED: u8 = 4;

/// What is known of a thread. Touched by itself alone.
#[derive(Default)]
pub struct Haste {
    /// How often it has left soon, in a row.
    score: Cell<u8>,
    /// When it has last woken somebody, 0 if it has left since, or if that is not timed.
    since: Cell<u64>,
    /// How many wakes have not been timed since the last one that was.
    untimed: Cell<u8>,
}

/// Whether somebody waits for a thread to leave, beside an idle slot. A forked child may look once
/// for nothing.
static OWED: AtomicBool = AtomicBool::new(false);

impl Haste {
    /// The thread, the caller, has made another runnable that waits at its slot: whether
    /// that has to run elsewhere.
    #[inline]
    pub fn wakes(&self) -> bool {
        if !self.is_sure() {
            self.since.set(cycles::now());
            return true;
        }
        let untimed = (self.untimed.get() + 1) % SAMPLED;
        self.untimed.set(untimed);
        // What counts is the last wake before it leaves.
        if untimed == 0 || self.since.get() != 0 {
            self.since.set(cycles::now());
        }
        if !OWED.load(Ordering::Relaxed) {
            OWED.store(true, Ordering::Relaxed);
        }
        false
    }

    /// Whether the thread, the caller, is taken for one that leaves soon.
    #[inline(always)]
    pub fn is_sure(&self) -> bool {
        self.score.get() == SURE
    }

    /// The thread, the caller, leaves the CPU.
    #[inline(always)]
    pub fn leaves(&self) {
        if self.since.get() != 0 {
            self.learn();
        }
    }

    #[inline(never)]
    fn learn(&self) {
        let soon = cycles::now().wrapping_sub(self.since.replace(0)) < SOON;
        let score = if soon { self.score.get() + 1 } else { 0 };
        self.score.set(score.min(SURE));
    }

    /// Nothing is known of a new thread.
    pub fn forget(&self) {
        self.score.set(0);
        self.since.set(0);
    }
}

/// Whether somebody may have waited since the last call.
pub fn was_owed() -> bool {
    OWED.load(Ordering::Relaxed) && OWED.swap(false, Ordering::Relaxed)
}
