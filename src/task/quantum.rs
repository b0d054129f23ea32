//! How long a thread has gone on without waiting, by what it did that might have waited.
//!
//! A peer that answers at once, because our own sending has woken it, would keep a thread
//! from ever leaving the CPU, and the other connections from being served. The kernel knows
//! such threads by their time. So does this, but it looks at the clock only where a system call
//! was made anyway.

use crate::arch::cycles;
use crate::sys::cell::Cell;

/// A quantum is at least so long, in cycles: about 30 microseconds. Who becomes runnable waits for that
/// long for each thread that always finds something to do.
const SHORTEST: u64 = 80_000;
/// And at most so many times that: about 3 milliseconds, as long as the kernel lets a thread run
/// beside others.
const MOST_TIMES: u64 = 100;
/// Where more threads than this take turns a quantum is longer by the square of how many times more.
const FEW: u64 = 12;
/// After so long, in cycles, or so many operations, it is time to look for others who are ready,
/// but not queued yet. That takes a system call.
const LONG: u64 = 8 * SHORTEST;
const MOST: u32 = 32;

/// Of one thread, which alone touches it.
#[derive(Default)]
pub struct Quantum {
    /// Operations since it began, or since the last look for others.
    operations: Cell<u32>,
    /// When the first of the quantum was done, in cycles.
    since: Cell<u64>,
    /// When the last of all was done, in cycles.
    last: Cell<u64>,
    /// From the last of the quantum before to the first of this, in cycles; 0 if there was none, or
    /// it was used up.
    away: Cell<u64>,
    /// Whether one has been used up since the thread has last waited.
    is_used_up: Cell<bool>,
    /// When others were last looked for, or else when it began, in cycles.
    looked: Cell<u64>,
}

/// How much of a quantum has been used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Used {
    /// Less than the shortest.
    Part,
    /// As much as the shortest: it may be over.
    Enough,
    /// So much that it is time to look for others.
    Much,
}

impl Quantum {
    /// The thread has done something that might have had to wait.
    #[inline(always)]
    pub fn spend(&self) -> Used {
        let operations = self.operations.get() + 1;
        self.operations.set(operations);
        let now = cycles::now();
        let last = self.last.replace(now);
        if operations == 1 {
            self.since.set(now);
            self.looked.set(now);
            let is_unknown = self.is_used_up.get() || last == 0;
            self.away.set(if is_unknown {
                0
            } else {
                now.saturating_sub(last)
            });
            return Used::Part;
        }
        if operations > MOST || now.wrapping_sub(self.looked.get()) > LONG {
            Used::Much
        } else if now.wrapping_sub(self.since.get()) > SHORTEST {
            Used::Enough
        } else {
            Used::Part
        }
    }

    /// Others have been looked for.
    pub fn looked(&self) {
        self.operations.set(1);
        self.looked.set(cycles::now());
    }

    /// Whether it is over when `used` is used of it, where a slot begins to run a thread every
    /// `interval` cycles.
    ///
    /// What a thread has used last is still in the processor's caches when few others have run since.
    /// When many have nothing of it is left, nor of what its peer has used on the same machine: then a
    /// turn has to be worth that, and the wait for the next one is long anyway. But who has used up
    /// all of that does not soon have to wait for anything: the next one is short.
    pub fn is_over(&self, used: Used, interval: u64) -> bool {
        let turns = self.away.get() / interval.max(1);
        let times = (turns.saturating_mul(turns) / (FEW * FEW)).clamp(1, MOST_TIMES);
        let time = cycles::now().wrapping_sub(self.since.get());
        time > times * SHORTEST || times == 1 && used == Used::Much
    }

    /// It is over; the next one begins when others have had theirs.
    pub fn use_up(&self) {
        self.is_used_up.set(true);
    }

    /// Another begins; `has_waited`: for something, not for its turn alone.
    #[inline(always)]
    pub fn begin(&self, has_waited: bool) {
        self.operations.set(0);
        if has_waited {
            self.is_used_up.set(false);
        }
    }
}
