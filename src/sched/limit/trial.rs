//! A comparison of fewer slots with more, in turns.
//!
//! Of threads that take turns at a lock what counts is how many operations there were. Where those are
//! few it is how many dispatches did something else than to wait for a lock or, where there are hardly
//! any, how many transfers there were from and to files on disks, which threads make without a
//! dispatch. (Who finds the next request at once needs no dispatch for it: a database did more
//! dispatches on one slot, and more queries on two.) Of threads that serve others it is how
//! many operations there were, and what CPU time each took: the number alone depends on what
//! there was to do in a step.

/// How often a trial tries each of the two, at most.
const ROUNDS: u32 = 8;
/// So many rounds have to be for more slots than before.
const FOR_MORE: u32 = 5;
/// So many for fewer: whatever others say for the first reason, one after the other for the second.
const FOR_FEWER: u32 = 6;
/// What is less than this part of something else is hardly any.
const HARDLY: u64 = 100;
/// By how many percent more slots have to be better than fewer.
const BETTER: u64 = 103;
/// The CPU time that they have to take for an operation, in percent of what fewer take, to be worse, and to be better.
const DEARER: u64 = 130;
const CHEAPER: u64 = 90;
/// So many percent beyond the former are worth one more operation in a hundred.
const WORTH: u64 = 3;

/// Why fewer slots may be better.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// Threads take turns at a lock.
    Locks,
    /// They wait for CPUs that others use.
    Crowd,
}

/// What was done with a number of slots in a second.
#[derive(Clone, Copy, Default)]
pub struct Done {
    /// Dispatches that did something else than to wait for a lock.
    pub useful: u64,
    /// Transfers from and to files on disks.
    pub transfers: u64,
    /// What threads might have had to wait for, and did.
    pub operations: u64,
    /// CPU time that the process used, in nanoseconds.
    pub cpu_time: u64,
}

impl Done {
    /// Whether more slots did clearly more, of what their threads take turns for, than fewer, which did `low`.
    fn is_more_than(&self, low: &Self) -> bool {
        let both = |what: fn(&Self) -> u64| what(self) + what(low);
        let useful = both(|done| done.useful);
        let what: fn(&Self) -> u64 = if useful * HARDLY < both(|done| done.transfers) {
            |done| done.transfers
        } else if useful <= both(|done| done.operations) {
            |done| done.operations
        } else {
            |done| done.useful
        };
        what(self) * 100 > what(low) * BETTER
    }

    /// How much CPU time more slots took for an operation, in percent of what fewer took, which did `low`.
    fn cost(&self, low: &Self) -> u64 {
        let each = |done: &Self| done.cpu_time / done.operations.max(1);
        each(self) * 100 / each(low).max(1)
    }

    /// Whether more slots did not do so much more operations than fewer, which did `low`, that it is worth the
    /// CPU time that each took.
    fn is_dearer_than(&self, low: &Self) -> bool {
        let gain = self.operations * 100 / low.operations.max(1);
        let cost = self.cost(low);
        cost >= DEARER && gain <= BETTER + (cost - DEARER) / WORTH
    }

    /// Whether an operation took clearly less CPU time with more slots than with fewer, which did `low`.
    fn is_cheaper_than(&self, low: &Self) -> bool {
        !self.has_none() && self.cost(low) < CHEAPER
    }

    /// Whether there were hardly any operations.
    fn has_none(&self) -> bool {
        self.operations * HARDLY < self.useful
    }
}

/// A comparison of `low` slots with `high`, one step with each in a round.
pub struct Trial {
    low: u32,
    high: u32,
    /// Why.
    pub doubt: Doubt,
    /// The step with `low` of this round, when it is over.
    low_step: Option<Done>,
    /// How many rounds were better with `low`, and with `high`.
    votes: [u32; 2],
}

impl Trial {
    /// Begins with `low` slots.
    pub fn new(low: u32, high: u32, doubt: Doubt) -> Self {
        Self {
            low,
            high,
            doubt,
            low_step: None,
            votes: [0; 2],
        }
    }

    /// How many slots are tried now.
    pub fn limit(&self) -> u32 {
        if self.low_step.is_none() {
            self.low
        } else {
            self.high
        }
    }

    /// The step is over.
    pub fn end_step(&mut self, step: Done) {
        match self.low_step.take() {
            None => self.low_step = Some(step),
            Some(low) => {
                let is_for_high = match self.doubt {
                    Doubt::Locks => step.is_more_than(&low) || step.is_cheaper_than(&low),
                    Doubt::Crowd => step.has_none() || !step.is_dearer_than(&low),
                };
                self.votes[usize::from(is_for_high)] += 1;
            }
        }
    }

    /// The number of slots to use, once that is known, where `settled` were used before.
    pub fn verdict(&self, settled: u32) -> Option<u32> {
        let (for_low, for_high) = if settled == self.low {
            (ROUNDS - FOR_MORE + 1, FOR_MORE)
        } else if self.doubt == Doubt::Locks {
            (FOR_FEWER, ROUNDS - FOR_FEWER + 1)
        } else {
            (FOR_FEWER, 1)
        };
        let [low, high] = self.votes;
        if high >= for_high {
            Some(self.high)
        } else if low >= for_low {
            Some(self.low)
        } else {
            None
        }
    }
}
