//! A thread's life, as join and detach see it: who gets its result, and who its husk.
//!
//! | state | meaning | [`exit`](Life::exit) | [`claim`](Life::claim) | [`let_go`](Life::let_go) | [`detach`](Life::detach) |
//! | --- | --- | --- | --- | --- | --- |
//! | RUNNING | somebody may join | EXITED | CLAIMED | | DETACHED |
//! | CLAIMED | somebody waits to join | COLLECTED, wake him | refused | RUNNING | stays, as glibc has it |
//! | DETACHED | nobody will join | LEFT | refused | | refused |
//! | EXITED | its result waits for somebody | | COLLECTED | | LEFT |
//! | COLLECTED | somebody takes its result | | refused | EXITED | stays |
//! | FREE | joined: its husk is in the pool, or on the way there | | refused | | refused |
//! | LEFT | the same of one that was detached, which it still says | | refused | | refused |
//!
//! Each transition is one compare-and-swap; whoever makes the one to FREE or LEFT has the husk.

use crate::sys::atomic::{AtomicU32, Ordering};

const RUNNING: u32 = 0;
const CLAIMED: u32 = 1;
const DETACHED: u32 = 2;
const EXITED: u32 = 3;
const COLLECTED: u32 = 4;
const FREE: u32 = 5;
const LEFT: u32 = 6;

/// What the end of a thread leaves to be done.
#[must_use = "a husk that nobody takes is lost, a joiner that nobody wakes hangs"]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// Nothing: somebody will join or detach.
    Kept,
    /// The joiner waits.
    Wake,
    /// The husk is the caller's to put away.
    Free,
}

/// What a detach leaves to be done.
#[must_use = "a husk that nobody takes is lost"]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Detach {
    /// Nothing.
    Done,
    /// The thread has ended: its husk is the caller's to put away.
    Free,
}

/// Why somebody may not join or detach.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// There is no such thread any more.
    Gone,
    /// It is detached, or was when it ended.
    Detached,
    /// Somebody else joins it.
    Claimed,
}

/// See the module. All zeros: runs, and may be joined.
#[derive(Default)]
pub struct Life(AtomicU32);

impl Life {
    fn change<R>(&self, step: impl Fn(u32) -> Result<(u32, R), Refusal>) -> Result<R, Refusal> {
        let mut state = self.0.load(Ordering::Acquire);
        loop {
            let (next, result) = step(state)?;
            // AcqRel: whoever comes later sees what the thread has left behind, and whoever
            // has the husk sees that nobody else uses it.
            match self
                .0
                .compare_exchange(state, next, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(_) => return Ok(result),
                Err(now) => state = now,
            }
        }
    }

    /// A thread begins to live in a husk that is the caller's.
    pub fn begin(&self, detached: bool) {
        // Release: who sees the life sees the thread.
        let state = if detached { DETACHED } else { RUNNING };
        self.0.store(state, Ordering::Release);
    }

    /// The thread has left its stack for good.
    pub fn exit(&self) -> Exit {
        let outcome = self.change(|state| match state {
            RUNNING => Ok((EXITED, Exit::Kept)),
            CLAIMED => Ok((COLLECTED, Exit::Wake)),
            DETACHED => Ok((LEFT, Exit::Free)),
            _ => Err(Refusal::Gone),
        });
        debug_assert!(outcome.is_ok(), "a thread exits once");
        outcome.unwrap_or(Exit::Kept)
    }

    /// Claims the thread's result for the caller, who then waits for [`is_over`]
    /// (Self::is_over).
    pub fn claim(&self) -> Result<(), Refusal> {
        self.change(|state| match state {
            RUNNING => Ok((CLAIMED, ())),
            EXITED => Ok((COLLECTED, ())),
            DETACHED | LEFT => Err(Refusal::Detached),
            CLAIMED | COLLECTED => Err(Refusal::Claimed),
            _ => Err(Refusal::Gone),
        })
    }

    /// Takes a claim back.
    pub fn let_go(&self) {
        let outcome = self.change(|state| match state {
            CLAIMED => Ok((RUNNING, ())),
            COLLECTED => Ok((EXITED, ())),
            _ => Err(Refusal::Gone),
        });
        debug_assert!(outcome.is_ok(), "only who has claimed lets go");
    }

    /// Nobody will join the thread.
    pub fn detach(&self) -> Result<Detach, Refusal> {
        self.change(|state| match state {
            RUNNING => Ok((DETACHED, Detach::Done)),
            EXITED => Ok((LEFT, Detach::Free)),
            CLAIMED | COLLECTED => Ok((state, Detach::Done)),
            DETACHED | LEFT => Err(Refusal::Detached),
            _ => Err(Refusal::Gone),
        })
    }

    /// The husk belongs to the caller, and to nobody in a moment.
    pub fn end(&self) {
        // Nobody else changes it any more.
        if self.0.load(Ordering::Relaxed) != LEFT {
            // Release: the next owner finds the husk through the pool's lock; this is for those
            // who only look.
            self.0.store(FREE, Ordering::Release);
        }
    }

    /// Whether the thread has left its stack for good.
    pub fn is_over(&self) -> bool {
        self.0.load(Ordering::Acquire) >= EXITED
    }

    /// Whether nobody will join.
    pub fn is_detached(&self) -> bool {
        matches!(self.0.load(Ordering::Relaxed), DETACHED | LEFT)
    }
}
