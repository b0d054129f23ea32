//! A thread's signal mask, and what its kernel thread blocks for it.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering, compiler_fence};

use crate::sys::sigmask::bit;

/// In [`of_kernel`](Mask::of_kernel): the thread's CPU time is counted. The kernel takes that bit
/// out of every mask, and so does libgreen, so that no other thread has it: whoever switches to a
/// thread that is counted finds that its mask differs.
pub const COUNTED: u64 = bit(libc::SIGKILL);

/// See the module. All zeros: nothing is blocked. Handlers on the thread may change it between
/// any two instructions.
#[derive(Default)]
pub struct Mask {
    /// What the thread blocks.
    own: AtomicU64,
    /// Signals that wait for the thread to come out of the runtime, one of each.
    withheld: AtomicU64,
    /// Whether its CPU time is counted.
    counted: AtomicBool,
    /// All of that together.
    kernels: AtomicU64,
}

impl Mask {
    /// What the thread blocks.
    #[inline(always)]
    pub fn get(&self) -> u64 {
        self.own.load(Ordering::Relaxed)
    }

    /// What its kernel thread blocks while the thread runs, and perhaps [`COUNTED`].
    #[inline(always)]
    pub fn of_kernel(&self) -> u64 {
        self.kernels.load(Ordering::Relaxed)
    }

    /// From here on the thread blocks `mask`.
    pub fn set(&self, mask: u64) {
        self.replace(mask);
    }

    /// [`set`](Self::set), before whatever comes next; what the thread has blocked.
    pub fn replace(&self, mask: u64) -> u64 {
        // SeqCst: whoever sends a signal marks it pending, then looks here.
        let before = self.own.swap(mask, Ordering::SeqCst);
        self.publish();
        before
    }

    /// From here on the kernel thread is closed to `signals`, too, until [`release`](Self::release). For
    /// the thread itself, or while it is switched in.
    pub fn withhold(&self, signals: u64) {
        self.withheld.fetch_or(signals, Ordering::Relaxed);
        self.publish();
    }

    /// Whether anything is withheld.
    pub fn withholds(&self) -> bool {
        self.withheld.load(Ordering::Relaxed) != 0
    }

    /// The end of it: what was withheld.
    pub fn release(&self) -> u64 {
        let signals = self.withheld.swap(0, Ordering::Relaxed);
        self.publish();
        signals
    }

    /// A new thread begins with that.
    pub fn begin(&self, mask: u64) {
        self.withheld.store(0, Ordering::Relaxed);
        self.counted.store(false, Ordering::Relaxed);
        self.replace(mask);
    }

    /// Has the thread's CPU time counted from here on. For the thread itself.
    pub fn count(&self) {
        self.counted.store(true, Ordering::Relaxed);
        self.publish();
    }

    /// Whether it is.
    pub fn is_counted(&self) -> bool {
        self.counted.load(Ordering::Relaxed)
    }

    fn publish(&self) {
        let counted = if self.is_counted() { COUNTED } else { 0 };
        loop {
            let withheld = self.withheld.load(Ordering::Relaxed);
            let all = self.get() | withheld | counted;
            self.kernels.store(all, Ordering::Relaxed);
            compiler_fence(Ordering::SeqCst);
            // A signal may have come in between.
            if self.withheld.load(Ordering::Relaxed) == withheld {
                return;
            }
        }
    }
}
