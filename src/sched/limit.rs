//! How many slots are used: as many as help.
//!
//! Threads that compute, or that serve connections independently, run faster on more
//! slots, up to the CPUs. Threads that take turns at one lock (an interpreter's) do not:
//! whoever is woken on a second CPU finds the lock taken and goes back to sleep, and each
//! time the lock changes CPUs costs what a whole turn does. So all CPUs are used until the
//! dispatches look like that, short ones of which many end in the wait for a lock. Then,
//! and only then, a trial tells: fewer slots and more slots in turns, by the number of
//! dispatches that did something else or, where there are hardly any, of transfers from and to
//! files on disks, which threads make without a dispatch. What a load does in a moment varies
//! by several times, so rounds have a vote each, whatever their difference, and a server that
//! wrongly has fewer loses more than an interpreter does that has more for a while: slots are
//! given up if three in four say so, and taken again if most do. A trial tells nothing where
//! there was not much to do in the meantime. It is repeated later and later as long as it says
//! the same.

use crate::sys::clock::{Instant, MILLISECOND, SECOND};

/// One step of a trial, or the stretch over which signs are looked for.
const WINDOW: u64 = 20 * MILLISECOND;
/// How often a trial tries each of the two, at most.
const ROUNDS: u32 = 8;
/// So many rounds have to be for fewer slots than before, so many for more.
const FOR_FEWER: u32 = 6;
const FOR_MORE: u32 = 5;
/// So many dispatches and transfers in a second of a slot are short ones.
const SHORT: u64 = 5_000;
/// Fewer than so many of them in a second, of all slots, tell nothing: the load has paused.
const FEW: u64 = 1_000;
/// Dispatches that are less than this part of the transfers are hardly any.
const HARDLY: u64 = 100;
/// How many percent of the dispatches end in the wait for a lock, where it is in doubt
/// whether all slots help.
const DOUBTFUL: u64 = 20;
/// By how many percent more slots have to be better than fewer.
const BETTER: u64 = 103;
/// The first and the last distance between two trials.
const SOON: u64 = SECOND / 2;
const LATE: u64 = 16 * SECOND;

/// What has happened since the sample before.
#[derive(Clone, Copy, Default)]
pub struct Sample {
    /// Dispatches.
    pub dispatches: u64,
    /// Those of them that ended in the wait for a lock.
    pub lock_waits: u64,
    /// Transfers from and to files on disks.
    pub transfers: u64,
    /// For how long slots were in use, all of them together, in nanoseconds.
    pub used: u64,
    /// Whether a thread computes while others wait for a slot.
    pub is_stuck: bool,
}

impl Sample {
    /// Dispatches and transfers.
    fn things(&self) -> u64 {
        self.dispatches + self.transfers
    }
}

/// What was done with a number of slots in a second.
#[derive(Clone, Copy, Default)]
struct Done {
    /// Dispatches that did something else than to wait for a lock.
    useful: u64,
    transfers: u64,
}

impl Done {
    /// Whether this is clearly more than `low`.
    fn is_better_than(&self, low: &Self) -> bool {
        let (high, low) = if (low.useful + self.useful) * HARDLY < low.transfers + self.transfers {
            (self.transfers, low.transfers)
        } else {
            (self.useful, low.useful)
        };
        high * 100 > low * BETTER
    }
}

/// A comparison of `low` slots with `high`, one step with each in a round.
struct Trial {
    low: u32,
    high: u32,
    /// The step with `low` of this round, when it is over.
    low_step: Option<Done>,
    /// How many rounds were better with `low`, and with `high`.
    votes: [u32; 2],
}

impl Trial {
    fn new(low: u32, high: u32) -> Self {
        Self {
            low,
            high,
            low_step: None,
            votes: [0; 2],
        }
    }

    /// How many slots are tried now.
    fn limit(&self) -> u32 {
        if self.low_step.is_none() {
            self.low
        } else {
            self.high
        }
    }

    /// The step is over.
    fn end_step(&mut self, step: Done) {
        match self.low_step.take() {
            None => self.low_step = Some(step),
            Some(low) => self.votes[usize::from(step.is_better_than(&low))] += 1,
        }
    }

    /// The number of slots to use, once that is known, where `settled` were used before.
    fn verdict(&self, settled: u32) -> Option<u32> {
        let for_high = if settled == self.high {
            ROUNDS - FOR_FEWER + 1
        } else {
            FOR_MORE
        };
        let [low, high] = self.votes;
        if high >= for_high {
            Some(self.high)
        } else if low > ROUNDS - for_high {
            Some(self.low)
        } else {
            None
        }
    }
}

/// See the module.
pub struct Limit {
    /// As many as there are CPUs.
    most: u32,
    /// What is used outside of trials.
    settled: u32,
    trial: Option<Trial>,
    /// When the window began.
    since: Instant,
    /// Whether the number of slots has just changed.
    settling: bool,
    window: Sample,
    /// No trial before this.
    next_trial: Instant,
    distance: u64,
}

impl Limit {
    /// For `most` CPUs.
    pub fn new(most: u32, now: Instant) -> Self {
        Self {
            most,
            settled: most,
            trial: None,
            since: now,
            settling: false,
            window: Sample::default(),
            next_trial: now,
            distance: SOON,
        }
    }

    /// There are `most` CPUs from here on.
    pub fn set_most(&mut self, most: u32) {
        if most != self.most {
            // What was found before says little of that.
            *self = Self::new(most, self.since);
        }
    }

    /// How many slots to use.
    pub fn get(&self) -> u32 {
        self.trial.as_ref().map_or(self.settled, Trial::limit)
    }

    /// How many are used outside of trials.
    #[cfg(model)]
    pub fn settled(&self) -> u32 {
        self.settled
    }

    /// Takes a sample; [`get`](Self::get) may say something else afterwards.
    pub fn take(&mut self, now: Instant, sample: Sample) {
        if self.most == 1 {
            return;
        }
        if sample.is_stuck && self.settled < self.most {
            // Somebody computes for long: that needs no lock.
            self.settle(self.most, now);
            return self.begin_window(now);
        }
        if self.settling {
            // The number has just changed: this sample is neither here nor there.
            self.begin_window(now);
            self.settling = false;
            return;
        }
        self.window.dispatches += sample.dispatches;
        self.window.lock_waits += sample.lock_waits;
        self.window.transfers += sample.transfers;
        self.window.used += sample.used;
        if now - self.since < WINDOW {
            return;
        }
        let before = self.get();
        if self.trial.is_some() {
            self.end_step(now);
        } else {
            self.look_for_signs(now);
        }
        self.begin_window(now);
        self.settling = self.get() != before;
    }

    fn begin_window(&mut self, now: Instant) {
        self.since = now;
        self.window = Sample::default();
    }

    fn look_for_signs(&mut self, now: Instant) {
        let are_short = self.window.things() >= self.window.used * SHORT / SECOND;
        if now < self.next_trial || !are_short {
            return;
        }
        let doubtful = self.window.lock_waits * 100 > self.window.dispatches * DOUBTFUL;
        let (low, high) = if doubtful && self.settled == self.most {
            (1, self.most)
        } else if doubtful && self.settled > 1 {
            (self.settled / 2, self.settled)
        } else if self.settled < self.most {
            // More were found to be too many; that may have changed.
            (self.settled, (self.settled * 2).min(self.most))
        } else {
            return;
        };
        self.trial = Some(Trial::new(low, high));
    }

    fn end_step(&mut self, now: Instant) {
        let Some(trial) = &mut self.trial else { return };
        // Per time: windows differ in length.
        let rate = |count: u64| count * SECOND / (now - self.since).max(1);
        let window = &self.window;
        if rate(window.things()) < FEW {
            self.trial = None;
            self.next_trial = now + self.distance;
            return;
        }
        trial.end_step(Done {
            useful: rate(window.dispatches.saturating_sub(window.lock_waits)),
            transfers: rate(window.transfers),
        });
        if let Some(best) = trial.verdict(self.settled) {
            self.settle(best, now);
        }
    }

    fn settle(&mut self, best: u32, now: Instant) {
        self.distance = if best == self.settled {
            (self.distance * 2).min(LATE)
        } else {
            SOON
        };
        self.trial = None;
        self.settled = best;
        self.next_trial = now + self.distance;
    }
}
