//! How fast threads run, and what follows from that: how often workers look around, and
//! how many there are.

use super::looks;
use crate::arch::cycles;
use crate::sched::limit::{Limit, Sample};
use crate::sched::slot::Counts;
use crate::sched::{idle, slots, tempo};
use crate::settings::{self, MAX_SLOTS};
use crate::sys::clock::{self, Instant, SECOND};

/// How often the CPUs are counted, in nanoseconds.
const CPUS: u64 = SECOND / 2;

/// What the monitor remembers.
pub struct Pace {
    seen: [Counts; MAX_SLOTS],
    last: Instant,
    /// The same moment, in cycles.
    last_cycles: u64,
    limit: Limit,
    /// When the CPUs are to be counted again; never where the number was asked for.
    next_count: Option<Instant>,
}

impl Pace {
    /// From now on.
    pub fn new() -> Self {
        let now = clock::now();
        Self {
            seen: [Counts::default(); MAX_SLOTS],
            last: now,
            last_cycles: cycles::now(),
            limit: Limit::new(slots::all().len() as u32, now),
            next_count: settings::workers().is_none().then_some(now + CPUS),
        }
    }

    /// Looks at all slots. `is_stuck`: a thread was found to compute while others wait.
    pub fn look(&mut self, is_stuck: bool) {
        let now = clock::now();
        let mut sample = Sample {
            is_stuck,
            ..Sample::default()
        };
        let (mut looks, mut held) = (0, 0);
        for (slot, seen) in slots::all().iter().zip(&mut self.seen) {
            let counts = slot.counts();
            // Two may count for a moment, where a slot was taken from a worker that has not
            // noticed: then one may set the other back.
            let since = |now: u32, before: u32| {
                u64::try_from(now.wrapping_sub(before).cast_signed()).unwrap_or(0)
            };
            let ticks = since(counts.ticks, seen.ticks);
            looks += ticks;
            sample.dispatches += ticks.saturating_sub(since(counts.empty, seen.empty));
            sample.lock_waits += since(counts.lock_waits, seen.lock_waits);
            sample.transfers += since(counts.transfers, seen.transfers);
            sample.operations += since(counts.operations, seen.operations);
            held += counts.held.saturating_sub(seen.held);
            *seen = counts;
        }
        let elapsed = now - self.last;
        self.last = now;
        let cycles = cycles::now().wrapping_sub(self.last_cycles);
        self.last_cycles = self.last_cycles.wrapping_add(cycles);
        let used = idle::used_slots();
        if used > 0 {
            tempo::note(elapsed, cycles, used, looks, sample.dispatches);
        }
        let Some(next_count) = &mut self.next_count else {
            return;
        };
        let before = self.limit.get();
        if now >= *next_count
            && let Some(cpus) = looks::cpus()
        {
            *next_count = now + CPUS;
            self.limit.set_most(cpus.min(slots::all().len()) as u32);
        }
        sample.held = (u128::from(held) * u128::from(elapsed) / u128::from(cycles.max(1))) as u64;
        self.limit
            .take(now, sample, || clock::read(libc::CLOCK_PROCESS_CPUTIME_ID));
        if self.limit.get() != before {
            idle::set_limit(self.limit.get());
        }
    }
}
