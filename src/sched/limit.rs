//! How many slots are used: as many as help.
//!
//! Threads that compute, or that serve connections independently, run faster on more
//! slots, up to the CPUs. Threads that take turns at one lock (an interpreter's) do not:
//! whoever is woken on a second CPU finds the lock taken and goes back to sleep, and each
//! time the lock changes CPUs costs what a whole turn does. Nor do threads that meet at a lock
//! of the kernel's, that of the address space for instance: a worker sleeps there while those who
//! could run wait at its slot. So all CPUs are used until it looks like that: what threads do
//! at a time is short, and many dispatches end in the wait for a lock, or workers sleep in
//! the kernel with slots in their hands. Then, and only then, a trial tells: fewer slots and more
//! slots in turns, by the number of operations on descriptors or, where there are few of
//! these, of dispatches that did something else than to wait for a lock. A trial is repeated
//! later and later as long as it says the same.

use crate::sys::clock::{Instant, MILLISECOND, SECOND};

/// The stretch over which signs are looked for.
const WINDOW: u64 = 20 * MILLISECOND;
/// One step of a trial. A few hundred clients that wait for their answers keep a server as busy with
/// one slot as with all for some ten milliseconds, whatever it does then.
const STEP: u64 = 60 * MILLISECOND;
/// How often a trial tries each of the two, at least and at most.
const ROUNDS: u32 = 3;
const MOST_ROUNDS: u32 = 5;
/// Where there are so many dispatches and operations in a second of a slot they are short ones.
const SHORT: u64 = 5_000;
/// How many percent of the dispatches end in the wait for a lock, or of the time workers sleep in
/// the kernel, where it is in doubt whether all slots help.
const DOUBTFUL: u64 = 20;
/// By how many percent more slots have to be better than fewer, and by how many one of the two has
/// to be for that to be clear after a few rounds.
const BETTER: u64 = 103;
const CLEARLY: u64 = 110;
/// The first and the last distance between two trials.
const SOON: u64 = SECOND;
const LATE: u64 = 16 * SECOND;

/// What has happened since the sample before.
#[derive(Clone, Copy, Default)]
pub struct Sample {
    /// Dispatches.
    pub dispatches: u64,
    /// Those of them that ended in the wait for a lock.
    pub lock_waits: u64,
    /// Operations on descriptors.
    pub operations: u64,
    /// For how long slots were in use, all of them together, in nanoseconds.
    pub used: u64,
    /// For how long workers were seen to hold slots without a break, likewise, and to sleep in the
    /// kernel meanwhile.
    pub held: u64,
    pub slept: u64,
    /// Whether a thread does nothing but compute while others wait for a slot.
    pub is_stuck: bool,
}

impl Sample {
    fn add(&mut self, other: &Self) {
        self.dispatches += other.dispatches;
        self.lock_waits += other.lock_waits;
        self.operations += other.operations;
        self.used += other.used;
        self.held += other.held;
        self.slept += other.slept;
    }

    /// Whether threads do short things, and enough of them to tell.
    fn are_short(&self) -> bool {
        self.used >= WINDOW / 2 && self.dispatches + self.operations >= self.used * SHORT / SECOND
    }

    /// Whether they get in each other's way.
    fn is_doubtful(&self) -> bool {
        self.lock_waits * 100 > self.dispatches * DOUBTFUL
            || self.slept * 100 > self.held * DOUBTFUL
    }
}

/// What was done with a number of slots, in a second.
#[derive(Clone, Copy, Default)]
struct Done {
    operations: u64,
    /// Dispatches that did not end in the wait for a lock.
    others: u64,
}

/// A comparison of `low` slots with `high`.
struct Trial {
    low: u32,
    high: u32,
    /// Steps that are over, two to a round.
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

    /// What was done with `low` and with `high`.
    fn results(&self) -> [u64; 2] {
        let sum = |what: fn(&Done) -> u64| self.done.iter().map(what).sum::<u64>();
        // Whoever waits for a descriptor does something to it afterwards, but need not wait
        // each time.
        let by_operations = sum(|done| done.operations) >= sum(|done| done.others);
        self.done.map(|done| match by_operations {
            true => done.operations,
            false => done.others,
        })
    }

    /// Whether each of the two was tried as often as it takes to tell.
    fn is_over(&self) -> bool {
        let [low, high] = self.results();
        let is_clear = is_better(high, low, CLEARLY) || is_better(low, high, CLEARLY);
        let rounds = if is_clear { ROUNDS } else { MOST_ROUNDS };
        self.is_low() && self.steps >= 2 * rounds
    }

    /// The number with which more was done, the lower one if in doubt: it takes less of the CPUs.
    fn best(&self) -> u32 {
        let [low, high] = self.results();
        if is_better(high, low, BETTER) {
            self.high
        } else {
            self.low
        }
    }
}

/// Whether `one` is so many percent of `other` or more.
fn is_better(one: u64, other: u64, percent: u64) -> bool {
    one * 100 > other * percent
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
        self.window.add(&sample);
        let length = if self.trial.is_some() { STEP } else { WINDOW };
        if now - self.since < length {
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
        if now < self.next_trial || !self.window.are_short() {
            return;
        }
        let doubtful = self.window.is_doubtful();
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
        let done = &mut trial.done[usize::from(!trial.is_low())];
        done.operations += rate(self.window.operations);
        done.others += rate(
            self.window
                .dispatches
                .saturating_sub(self.window.lock_waits),
        );
        trial.steps += 1;
        if trial.is_over() {
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
