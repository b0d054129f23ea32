//! Threads that were claimed and are to run.
//!
//! Queues, timers and descriptors collect them under their locks; the scheduler makes
//! them runnable when no lock is held any more, all at once.

use crate::task::list::List;
use crate::task::seat::Seat;
use crate::task::word::{Claim, Wake};

/// See the module.
#[must_use = "claimed threads run only when the scheduler gets them"]
#[derive(Default)]
pub struct Woken {
    /// Green threads whose registers are in memory.
    pub runnable: List,
    /// Those of them that have been given a lock: the others may be about to wait for it.
    pub granted: List,
    /// Threads that sleep in the kernel; their words are held.
    pub kernel: List,
}

impl Woken {
    /// Nobody.
    #[inline(always)]
    pub const fn new() -> Self {
        Self {
            runnable: List::new(),
            granted: List::new(),
            kernel: List::new(),
        }
    }

    /// Claims the thread of `seat` for `reason`; false if somebody else was first. One that waits at several addresses
    /// is woken at each.
    #[inline]
    pub fn claim(&mut self, seat: &Seat, reason: Wake) -> bool {
        match seat.word.claim(reason) {
            Claim::Lost => return false,
            Claim::Pending => {}
            Claim::Runnable if reason == Wake::Granted => self.granted.push(seat),
            Claim::Runnable => self.runnable.push(seat),
            Claim::Kernel => self.kernel.push(seat),
            Claim::Branch => self.claim_by(seat, reason),
        }
        true
    }

    /// [`claim`](Self::claim) for the thread that has `branch`, which is taken out of its queue. Whoever has claimed that
    /// before, it finds the mark when it comes for the branch, and this wake-up is not lost.
    #[cold]
    fn claim_by(&mut self, branch: &Seat, reason: Wake) {
        branch.word.reach();
        self.claim(branch.trunk(), reason);
    }
}
