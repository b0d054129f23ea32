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

    /// Claims the thread of `seat` for `reason`; false if somebody else was first.
    #[inline]
    pub fn claim(&mut self, seat: &Seat, reason: Wake) -> bool {
        match seat.word.claim(reason) {
            Claim::Lost => return false,
            Claim::Pending => {}
            Claim::Runnable if reason == Wake::Granted => self.granted.push(seat),
            Claim::Runnable => self.runnable.push(seat),
            Claim::Kernel => self.kernel.push(seat),
        }
        true
    }
}
