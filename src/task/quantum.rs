//! How long a thread has gone on without waiting, by what it did that might have waited.
//!
//! A peer that answers at once, because our own sending has woken it, would keep a thread
//! from ever leaving the CPU, and the other connections from being served. The kernel knows
//! such threads by their time. So does this, but it looks at the clock only where a system call
//! was made anyway.

use crate::arch::cycles;
use crate::sys::cell::Cell;

/// After so long others go first who are queued, in cycles: about 30 microseconds. Who becomes
/// runnable waits for that long for each thread that always finds something to do.
const LONGEST: u64 = 80_000;
/// After so long, in cycles, or so many operations, those go first, too, who are not queued yet: it
/// takes a look at the hub to know.
const LONG: u64 = 8 * LONGEST;
const MOST: u32 = 32;

/// Of one thread, which alone touches it.
#[derive(Default)]
pub struct Quantum {
    /// Operations so far.
    operations: Cell<u32>,
    /// When the first of them was done, in cycles.
    since: Cell<u64>,
}

/// How much of a quantum has been used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Used {
    /// Not all of it.
    Part,
    /// So much that others go first who are queued.
    All,
    /// So much that it is time to look for others.
    More,
}

impl Quantum {
    /// The thread has done something that might have had to wait.
    #[inline(always)]
    pub fn spend(&self) -> Used {
        let operations = self.operations.get() + 1;
        self.operations.set(operations);
        if operations == 1 {
            self.since.set(cycles::now());
            return Used::Part;
        }
        let time = cycles::now().wrapping_sub(self.since.get());
        if operations > MOST || time > LONG {
            Used::More
        } else if time > LONGEST {
            Used::All
        } else {
            Used::Part
        }
    }

    /// Another begins.
    #[inline(always)]
    pub fn begin(&self) {
        self.operations.set(0);
    }
}
