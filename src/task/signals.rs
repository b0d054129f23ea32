//! What a thread has to do with signals.

use core::sync::atomic::Ordering;

use super::block::Thread;
use super::word::Cancellation;
use crate::glibc::signals::are_points_addresses;

impl Thread {
    /// The thread waits for no signal, and nobody has asked for its cancellation.
    pub(crate) fn forget_signals(&self) {
        self.awaits.store(0, Ordering::Relaxed);
        self.expects.store(0, Ordering::Relaxed);
        self.cancelled.store(false, Ordering::Relaxed);
    }

    /// Whether a request for the thread's cancellation ends the wait that it is in.
    pub(crate) fn waits_until_cancelled(&self) -> bool {
        if self.is_told_of_cancellation() {
            return true;
        }
        match self.seat().word.cancellation() {
            Cancellation::Never => false,
            Cancellation::Asynchronous => self.tcb().allows_cancellation_anywhere(),
            Cancellation::Point => self.tcb().allows_cancellation(),
        }
    }

    /// Whether glibc tells the thread of such a request also where that does not act, in a call that is no point:
    /// its signal ends those that are never restarted.
    pub(crate) fn is_told_of_cancellation(&self) -> bool {
        self.without_points.load(Ordering::Relaxed) && are_points_addresses()
    }

    /// Signals that wait for the thread while it waits for them.
    pub(crate) fn awaited(&self) -> u64 {
        // SeqCst: who sends one marks it pending, then looks whether it is awaited.
        self.pending.bits_now() & self.awaits.load(Ordering::SeqCst)
    }

    /// Signals that wait for the thread and that it looks for in files.
    pub(crate) fn expected(&self) -> u64 {
        // SeqCst: as in `awaited`.
        self.pending.bits_now() & self.expects.load(Ordering::SeqCst)
    }

    /// Signals that wait for the thread and that it does not block.
    #[inline(always)]
    pub(crate) fn deliverable(&self) -> u64 {
        self.pending.bits() & !self.mask.get()
    }
}
