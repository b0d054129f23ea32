//! How many slots are used: as many as help.
//!
//! Threads that compute, or that serve connections independently, run faster on more
//! slots, up to the CPUs. Threads that take turns at one lock (an interpreter's) do not:
//! whoever is woken on a second CPU finds the lock taken and goes back to sleep, and each
//! time the lock changes CPUs costs what a whole turn does. So all CPUs are used until the
//! dispatches look like that, short ones of which many end in the wait for a lock. Then,
//! and only then, a trial tells: fewer slots and more slots in turns, by the number of
//! dispatches that did something else or, where there are hardly any, of transfers from and to
//! files on disks, which threads make without a dispatch. It tells nothing where there was not
//! much to do in the meantime. A trial is repeated later and later as long as it says the same.

use crate::sys::clock::{Instant, MILLISECOND, SECOND};

/// One step of a trial, or the stretch over which signs are looked for.
const WINDOW: u64 = 20 * MILLISECOND;
/// How often a trial tries each of the two.
const ROUNDS: u32 = 3;
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

/// What was done with a number of slots in a second, of all steps together.
#[derive(Clone, Copy, Default)]
struct Done {
    /// Dispatches that did something else than to wait for a lock.
    useful: u64,
    transfers: u64,
}

/// A comparison of `low` slots with `high`.
struct Trial {
    low: u32,
    high: u32,
    /// Steps that are over, of `2 * ROUNDS`.
    steps: u32,
    /// With `low` and with `high`.
    done: [Done; 2],
}

impl Trial {
    fn is_low(&self) -> bool {
        self.steps.is_multiple_of(2)
    }

    fn limit(&self) -> u32 {
        if self.is_low() { self.low } else { self.high }
    }

    /// The number of slots to use.
    fn best(&self) -> u32 {
        let [low, high] = self.done;
        let (low, high) = if (low.useful + high.useful) * HARDLY < low.transfers + high.transfers {
            (low.transfers, high.transfers)
        } else {
            (low.useful, high.useful)
        };
        if high * 100 > low * BETTER {
            self.high
        } else {
            self.low
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
        self.trial = Some(Trial {
            low,
            high,
            steps: 0,
            done: [Done::default(); 2],
        });
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
        let done = &mut trial.done[usize::from(!trial.is_low())];
        done.useful += rate(window.dispatches.saturating_sub(window.lock_waits));
        done.transfers += rate(window.transfers);
        trial.steps += 1;
        if trial.steps == 2 * ROUNDS {
            let best = trial.best();
            self.settle(best, now);
        }
    }

    fn settle(&mut self, best: u32, now: Instant) {
        self.trial = None;
        self.distance = if best == self.settled {
            (self.distance * 2).min(LATE)
        } else {
            SOON
        };
        self.settled = best;
        self.next_trial = now + self.distance;
    }
}
