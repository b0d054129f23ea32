//! The CPU time of a thread that shares kernel threads with others: counted at each switch from
//! when it has first asked for it, see [`Mask::count`](super::mask::Mask::count).

use core::cell::Cell;

use crate::sys::clock;

/// See the module; in nanoseconds.
#[derive(Default)]
pub struct CpuTime {
    /// Before it was switched in.
    spent: Cell<u64>,
    /// What its kernel thread had used by then.
    since: Cell<u64>,
}

/// What the calling kernel thread has used.
fn of_kernel_thread() -> u64 {
    clock::read(libc::CLOCK_THREAD_CPUTIME_ID)
}

impl CpuTime {
    /// The calling kernel thread has used no other thread's so far.
    pub fn adopt(&self) {
        self.spent.set(of_kernel_thread());
    }

    /// None so far.
    pub fn clear(&self) {
        self.spent.set(0);
    }

    /// The thread runs on the calling kernel thread from here on.
    pub fn switch_in(&self) {
        self.since.set(of_kernel_thread());
    }

    /// The end of that.
    pub fn switch_out(&self) {
        self.spent.set(self.now());
    }

    /// So far, for the thread itself, which runs.
    pub fn now(&self) -> u64 {
        self.spent.get() + of_kernel_thread().saturating_sub(self.since.get())
    }
}
