//! Workers that sleep in the kernel with a slot in their hands.
//!
//! Whoever waits there for a moment, again and again, for a lock of the kernel's (that of the
//! address space) is never stuck for long enough to lose the slot, and those who wait at it wait
//! with him. How long he sleeps is what is left of the time when that on the processor and
//! that in its queue are taken away.

use core::ptr;

use crate::sched::slot::Slot;
use crate::sched::worker::Worker;
use crate::settings::MAX_SLOTS;

/// Who has been on a processor for so many percent of the time is not asked further, which takes
/// a few microseconds.
const BUSY: u64 = 90;

/// What is remembered of a slot's owner between two looks.
#[derive(Clone, Copy)]
struct Seen {
    owner: *const Worker,
    /// Its CPU time, in nanoseconds.
    used: u64,
    /// For how long it had waited for a processor, in nanoseconds, if that was asked for.
    delayed: Option<u64>,
}

/// What is remembered of all.
pub struct Rests([Seen; MAX_SLOTS]);

impl Rests {
    /// Nothing.
    pub const fn new() -> Self {
        Self(
            [Seen {
                owner: ptr::null(),
                used: 0,
                delayed: None,
            }; MAX_SLOTS],
        )
    }

    /// For how long of the `elapsed` nanoseconds since the last look the owner of `slot`, the one
    /// at `index`, has slept in the kernel. `None` if that is not known, or it was not there all the
    /// time with somebody to run, as `was_busy` says.
    pub fn look(&mut self, index: usize, slot: &Slot, was_busy: bool, elapsed: u64) -> Option<u64> {
        let owner = slot.owner().cast_const();
        // SAFETY: null, or a worker, which is never freed.
        let worker = unsafe { owner.as_ref() };
        let mut now = Seen {
            owner,
            used: worker.map_or(0, Worker::cpu_time),
            delayed: None,
        };
        let before = self.0[index];
        let used = now.used.saturating_sub(before.used);
        let is_same = owner == before.owner;
        let was_on = used * 100 >= elapsed * BUSY;
        if is_same && !was_on {
            now.delayed = worker.and_then(Worker::run_delay);
        }
        self.0[index] = now;
        if worker.is_none() || !is_same || !was_busy {
            return None;
        }
        if was_on {
            return Some(0);
        }
        let delayed = now.delayed?.saturating_sub(before.delayed?);
        Some(elapsed.saturating_sub(used + delayed))
    }
}
