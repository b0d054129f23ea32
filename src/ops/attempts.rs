//! Calls that block their kernel thread, where nobody could take over its slot.
//!
//! The kernel may refuse a further thread at any time (`RLIMIT_NPROC`, the pids of a cgroup, a filter
//! of system calls). Whoever blocked the last one then would hold up all others, for ever if one of
//! those is what it waits for. So such a call is tried in a form that does not block, again and
//! again, parked in between, until it has come to its end or another kernel thread is there.

use super::turn::Ends;
use crate::sched::{blocking, park};
use crate::signal::{Watch, cancel};
use crate::sys::clock::{self, Instant, MILLISECOND};
use crate::task::green;
use crate::task::word::Cancellation;

/// Between the first two attempts: about as long as it takes to start a kernel thread.
const FIRST_PAUSE: Instant = MILLISECOND / 5;
/// Each further pause is twice as long, up to this.
const LONGEST_PAUSE: Instant = 16 * MILLISECOND;

/// After so many attempts, some milliseconds, a wait that may wake for nothing does.
pub const BEFORE_WAKING_FOR_NOTHING: u32 = 5;

/// What ends a call before it has what it wants.
#[derive(Clone, Copy)]
pub struct Manner {
    /// Whose cancellation does.
    pub cancellation: Cancellation,
    /// Which handlers do.
    pub ends: Ends,
    /// When its time is over.
    pub deadline: Instant,
}

/// What has come of the attempts.
pub enum Outcome<R> {
    /// One had that result.
    Done(R),
    /// The caller may block its kernel thread now.
    MayBlock,
    /// A handler has ended the call.
    Interrupted,
    /// The deadline is over.
    Timeout,
}

/// Calls `attempt`, which does not block, until it has a result, or until the calling thread may
/// block its kernel thread, in a [region](blocking::region): mostly at once.
pub fn run<R>(manner: Manner, mut attempt: impl FnMut() -> Option<R>) -> Outcome<R> {
    let Some(me) = green() else {
        return Outcome::MayBlock;
    };
    let watch = Watch::new(me);
    let mut pause = FIRST_PAUSE;
    while !blocking::may_block() {
        if let Some(result) = attempt() {
            return Outcome::Done(result);
        }
        let now = clock::now();
        if now >= manner.deadline {
            return Outcome::Timeout;
        }
        blocking::want_successor();
        let until = now.saturating_add(pause).min(manner.deadline);
        park::for_time(me, until, manner.cancellation);
        cancel::after(manner.cancellation);
        if manner.ends.applies(watch) {
            return Outcome::Interrupted;
        }
        pause = LONGEST_PAUSE.min(2 * pause);
    }
    Outcome::MayBlock
}

/// [`run`], then `block` in a region. `ended` says what the call results in if a handler has ended
/// it, `expired` if its time is over.
pub fn or_block<R>(
    manner: Manner,
    attempt: impl FnMut() -> Option<R>,
    ended: impl FnOnce() -> R,
    expired: impl FnOnce() -> R,
    block: impl FnOnce() -> R,
) -> R {
    match run(manner, attempt) {
        Outcome::Done(result) => result,
        Outcome::MayBlock => blocking::region(block),
        Outcome::Interrupted => ended(),
        Outcome::Timeout => expired(),
    }
}
