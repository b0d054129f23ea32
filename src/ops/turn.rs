//! Calls that have to block a kernel thread, of which there are only so many.

use crate::sched::blocking;
use crate::sched::turns::Turns;
use crate::signal::{Watch, cancel};
use crate::sys::clock::{Instant, NEVER};
use crate::task::word::{Cancellation, Wake};
use crate::task::{Thread, green};

/// Which handlers end a wait for a turn, as they would end the call that it is part of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// None.
    Never,
    /// Those without `SA_RESTART`.
    UnlessRestarted,
    /// All.
    Always,
}

impl Ends {
    /// Whether one of them has run since `watch` began.
    pub(super) fn applies(self, watch: Watch) -> bool {
        match self {
            Self::Never => false,
            Self::UnlessRestarted => watch.interrupted(),
            Self::Always => watch.handled(),
        }
    }
}

/// Runs `call` in a blocking region when it is the caller's turn. `None` if a handler has
/// ended the wait for that.
#[inline]
pub fn run<R>(
    turns: &'static Turns,
    cancellation: Cancellation,
    ends: Ends,
    call: impl FnOnce() -> R,
) -> Option<R> {
    run_until(NEVER, turns, cancellation, ends, call)
}

/// [`run`], with a `deadline` for the wait: `None`, too, if it is over.
pub fn run_until<R>(
    deadline: Instant,
    turns: &'static Turns,
    cancellation: Cancellation,
    ends: Ends,
    call: impl FnOnce() -> R,
) -> Option<R> {
    let came = green().is_none_or(|me| await_turn(me, deadline, turns, cancellation, ends));
    came.then(|| blocking::counted(turns, call))
}

/// Waits for a turn: false if a handler has ended that, or `deadline` is over.
fn await_turn(
    me: &'static Thread,
    deadline: Instant,
    turns: &'static Turns,
    cancellation: Cancellation,
    ends: Ends,
) -> bool {
    let watch = Watch::new(me);
    while let Some(reason) = turns.await_free(cancellation, deadline) {
        if reason == Wake::Timeout {
            return false;
        }
        if reason != Wake::Interrupted {
            continue;
        }
        cancel::after(cancellation);
        if ends.applies(watch) {
            return false;
        }
    }
    true
}
