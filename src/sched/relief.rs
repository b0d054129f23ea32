//! Threads that wait at the slot of a worker that does not come to them.
//!
//! A worker that has been preempted, by another process or by a worker, still holds its slot,
//! and who waits there would wait until the kernel runs it again: some milliseconds, mostly.
//! Natively the kernel moves threads away from a CPU that is taken. So a busy worker looks at
//! another slot whenever it glances at the hub, and takes some off one that has stood still.
//! Workers without work [steal](super::slots::steal) at once, and the monitor gives the slot itself
//! to somebody else when it has stood still for longer.

use core::cell::Cell;
use core::ptr;

use super::slot::Slot;
use super::slots;
use super::worker::Worker;
use crate::sys::clock::{self, Instant};

/// A slot with threads waiting stands still if nobody was dispatched there for so long, in
/// nanoseconds.
const STILL: u64 = 250_000;

/// What a worker remembers of the slot that it looks at.
#[derive(Default)]
pub struct Relief {
    place: Cell<usize>,
    ticks: Cell<u32>,
    since: Cell<Instant>,
}

impl Relief {
    /// Looks at a slot, another than `slot`, which `worker`, the caller, holds; brings half of
    /// those who wait there if it stands still. The caller is critical and holds no lock.
    pub fn look(&self, slot: &Slot, worker: &Worker) {
        let all = slots::all();
        if all.len() < 2 {
            return;
        }
        let watched = &all[self.place.get() % all.len()];
        if watched.queued() == 0 || ptr::eq(watched, slot) {
            return self.turn_to(self.place.get() + 1);
        }
        if watched.ticks() != self.ticks.get() {
            return self.turn_to(self.place.get());
        }
        let now = clock::now();
        if now.saturating_sub(self.since.get()) >= STILL {
            slots::take_over(watched, slot, worker);
            self.since.set(now);
        }
    }

    /// Looks at the slot at `place` from here on.
    fn turn_to(&self, place: usize) {
        let all = slots::all();
        let place = place % all.len();
        self.place.set(place);
        self.ticks.set(all[place].ticks());
        self.since.set(clock::now());
    }
}
