//! How many slots are used: as many as help.
//!
//! Threads that compute, or that serve connections independently, run faster on more
//! slots, up to the CPUs. So all CPUs are used until the dispatches look as if fewer might do,
//! and are short, for one of two reasons ([`Doubt`]).
//!
//! Threads that take turns at one lock (an interpreter's) are faster on one slot: whoever is
//! woken on a second CPU finds the lock taken and goes back to sleep, and each time the lock
//! changes CPUs costs what a whole turn does. Many dispatches end in the wait for a lock then.
//!
//! Threads that wait for CPUs, because others want them, too, may be better off with fewer: who
//! asks a server from the same machine has to wait for its workers, each of which takes a CPU
//! for some milliseconds, and the more of them there are the more each request costs where they
//! are in each other's way inside the kernel. Slots are held for longer then than threads use
//! CPUs.
//!
//! Then, and only then, a [`Trial`] tells: fewer slots and more slots in turns. What a load does
//! in a moment varies by several times, so rounds have a vote each, whatever their difference,
//! and a server that wrongly has fewer loses more than another does that has more for a while:
//! slots are given up if three in four say so, or all where the second reason is all there is,
//! and taken again if most do. A trial tells nothing where there was not much to do in the
//! meantime. It is repeated later and later as long as it says the same.

mod trial;

use trial::{Done, Doubt, Trial};

use crate::sys::clock::{Instant, MILLISECOND, SECOND};

/// One step of a trial, or the stretch over which signs are looked for.
const WINDOW: u64 = 20 * MILLISECOND;
/// So many dispatches and transfers in a second of a slot are short ones.
const SHORT: u64 = 5_000;
/// Fewer than so many of them in a second, of all slots, tell nothing: the load has paused.
const FEW: u64 = 1_000;
/// How many percent of the dispatches end in the wait for a lock, where it is in doubt
/// whether all slots help.
const DOUBTFUL: u64 = 20;
/// Threads whose slots are held for so many percent of the CPU time wait for CPUs.
const CROWDED: u64 = 110;
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
    /// What threads have done that they might have had to wait for: what they received and sent,
    /// mostly.
    pub operations: u64,
    /// For how long slots were held, all of them together, in nanoseconds.
    pub held: u64,
    /// Whether a thread computes while others wait for a slot.
    pub is_stuck: bool,
}

impl Sample {
    /// Dispatches and transfers.
    fn things(&self) -> u64 {
        self.dispatches + self.transfers
    }
}

/// See the module.
pub struct Limit {
    /// As many as there are CPUs.
    most: u32,
    /// What is used outside of trials.
    settled: u32,
    /// Why fewer are used than there are CPUs, if that is so.
    doubt: Doubt,
    trial: Option<Trial>,
    /// When the window began.
    since: Instant,
    /// Whether the number of slots has just changed.
    settling: bool,
    window: Sample,
    /// What CPU time the process had used when the window began, in nanoseconds.
    cpu_time: u64,
    /// When there may be trials, for each [`Doubt`].
    turns: [Turn; 2],
}

/// When there may be a trial.
#[derive(Clone, Copy)]
struct Turn {
    /// Not before this.
    next: Instant,
    /// So long after the one before.
    distance: u64,
}

impl Limit {
    /// For `most` CPUs.
    pub fn new(most: u32, now: Instant) -> Self {
        Self {
            most,
            settled: most,
            doubt: Doubt::Locks,
            trial: None,
            since: now,
            settling: false,
            window: Sample::default(),
            cpu_time: 0,
            turns: [Turn {
                next: now,
                distance: SOON,
            }; 2],
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

    /// Takes a sample; [`get`](Self::get) may say something else afterwards. `cpu_time` is the
    /// process's so far, in nanoseconds.
    pub fn take(&mut self, now: Instant, sample: Sample, cpu_time: impl FnOnce() -> u64) {
        if self.most == 1 {
            return;
        }
        if sample.is_stuck && self.settled < self.most {
            // Somebody computes for long: that needs no lock.
            self.settle(self.most, self.doubt, now);
            return self.begin_window(now, cpu_time());
        }
        if self.settling {
            // The number has just changed: this sample is neither here nor there.
            self.begin_window(now, cpu_time());
            self.settling = false;
            return;
        }
        self.window.dispatches += sample.dispatches;
        self.window.lock_waits += sample.lock_waits;
        self.window.transfers += sample.transfers;
        self.window.operations += sample.operations;
        self.window.held += sample.held;
        if now - self.since < WINDOW {
            return;
        }
        let before = self.get();
        let cpu_time = cpu_time();
        let used = cpu_time.saturating_sub(self.cpu_time);
        if self.trial.is_some() {
            self.end_step(now, used);
        } else {
            self.look_for_signs(now, used);
        }
        self.begin_window(now, cpu_time);
        self.settling = self.get() != before;
    }

    fn begin_window(&mut self, now: Instant, cpu_time: u64) {
        self.since = now;
        self.cpu_time = cpu_time;
        self.window = Sample::default();
    }

    /// How much that is in a second of which the window had `count`.
    fn rate(&self, count: u64, now: Instant) -> u64 {
        count * SECOND / (now - self.since).max(1)
    }

    /// `used`: the CPU time of the window.
    fn look_for_signs(&mut self, now: Instant, used: u64) {
        let window = &self.window;
        let are_short = window.things() >= window.held * SHORT / SECOND;
        let is_paused = self.rate(window.things(), now) < FEW;
        if !are_short || is_paused {
            return;
        }
        let is_due = |doubt: Doubt| now >= self.turns[doubt as usize].next;
        let are_locked =
            window.lock_waits * 100 > window.dispatches * DOUBTFUL && is_due(Doubt::Locks);
        let is_crowded = window.held * 100 > used * CROWDED && is_due(Doubt::Crowd);
        let half = self.settled / 2;
        self.trial = if are_locked && self.settled == self.most {
            Some(Trial::new(1, self.most, Doubt::Locks))
        } else if are_locked && half > 0 {
            Some(Trial::new(half, self.settled, Doubt::Locks))
        } else if is_crowded && self.settled == self.most {
            Some(Trial::new(half, self.settled, Doubt::Crowd))
        } else if self.settled < self.most && is_due(self.doubt) {
            // More were found to be too many; that may have changed.
            let more = (self.settled * 2).min(self.most);
            Some(Trial::new(self.settled, more, self.doubt))
        } else {
            None
        };
    }

    /// `used`: the CPU time of the step.
    fn end_step(&mut self, now: Instant, used: u64) {
        let window = &self.window;
        let is_paused = self.rate(window.things(), now) < FEW;
        let useful = window.dispatches.saturating_sub(window.lock_waits);
        // Per time: windows differ in length.
        let step = Done {
            useful: self.rate(useful, now),
            transfers: self.rate(window.transfers, now),
            operations: self.rate(window.operations, now),
            cpu_time: self.rate(used, now),
        };
        let Some(trial) = &mut self.trial else { return };
        if is_paused {
            let turn = &mut self.turns[trial.doubt as usize];
            turn.next = now + turn.distance;
            self.trial = None;
            return;
        }
        trial.end_step(step);
        if let Some(best) = trial.verdict(self.settled) {
            let doubt = trial.doubt;
            self.settle(best, doubt, now);
        }
    }

    /// Uses `best` slots, for that reason if they are fewer than there are.
    fn settle(&mut self, best: u32, doubt: Doubt, now: Instant) {
        let turn = &mut self.turns[doubt as usize];
        turn.distance = if best == self.settled {
            (turn.distance * 2).min(LATE)
        } else {
            SOON
        };
        turn.next = now + turn.distance;
        self.doubt = doubt;
        self.trial = None;
        self.settled = best;
    }
}
