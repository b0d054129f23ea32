//! How long a thread has gone on without waiting, by what it did that might have waited.
//!
//! A peer that answers at once, because our own sending has woken it, would keep a thread
//! from ever leaving the CPU, and the other connections from being served. The kernel knows
//! such threads by their time. So does this, but it looks at the clock only where a system call
//! was made anyway.

use crate::arch::cycles;
use crate::sys::cell::Cell;

/// So many operations are a quantum, whatever they took.
const MOST: u32 = 32;
/// So long is a quantum, in cycles: about 30 microseconds. Who becomes runnable waits for one of
/// each thread that always finds something to do.
const LONGEST: u64 = 80_000;

/// Of one thread, which alone touches it.
#[derive(Default)]
pub struct Quantum {
    /// Operations so far.
    operations: Cell<u32>,
    /// When the first of them was done, in cycles.
    since: Cell<u64>,
}

impl Quantum {
    /// The thread has done something that might have had to wait; returns whether its
    /// quantum is over.
    #[inline(always)]
    pub fn spend(&self) -> bool {
        let operations = self.operations.get() + 1;
        self.operations.set(operations);
        if operations == 1 {
            self.since.set(cycles::now());
            return false;
        }
        operations > MOST || cycles::now().wrapping_sub(self.since.get()) > LONGEST
    }

    /// Another begins.
    #[inline(always)]
    pub fn begin(&self) {
        self.operations.set(0);
    }
}
