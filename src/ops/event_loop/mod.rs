//! What event loops of the program's own wait in: `poll`, `select`, `epoll_wait`.
//!
//! They look; where nothing is ready they wait in the kernel, if nobody else runs beside them
//! ([`event_loop`](crate::sched::event_loop)), and park otherwise.

pub mod epoll;
pub mod poll;
pub mod select;

use super::{EINTR, sleep};
use crate::hub::descriptor;
use crate::sched::{event_loop, park};
use crate::signal::{Watch, cancel, mask, signalfd};
use crate::sys::clock::{self, Instant};
use crate::task::Thread;

/// One such wait.
#[derive(Clone, Copy)]
pub struct Wait {
    /// Who waits: the caller.
    pub me: &'static Thread,
    /// When it gives up.
    pub deadline: Instant,
    /// A handler that has run since this began ends it.
    pub watch: Watch,
    /// Whether it may be in the kernel. Not if the call sets a signal mask: to set it and to
    /// wait would not be one step.
    pub may_be_in_kernel: bool,
    /// Whether the call is not over when this has found nothing.
    pub is_first_look: bool,
}

/// What a call with a signal mask and no time does where it has found nothing and a signal waits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum WithoutTime {
    /// The signal is handled, and the call fails with `EINTR` (do_poll and do_select in the kernel's
    /// fs/select.c).
    HandlesSignals,
    /// The signal goes on waiting (ep_poll in the kernel's fs/eventpoll.c).
    HandlesNothing,
}

impl Wait {
    /// That of `me`, the caller, until `deadline`.
    pub fn new(me: &'static Thread, deadline: Instant) -> Self {
        Self {
            me,
            deadline,
            watch: Watch::new(me),
            may_be_in_kernel: true,
            is_first_look: false,
        }
    }

    /// Calls `act` with that of `me`, the caller, until `deadline`, under the signal mask `mask`
    /// if there is one, as `ppoll` and its kin do.
    ///
    /// Signals that wait for that mask are handled where the kernel finds nothing: so it is asked before,
    /// by an `act` that has no time. `without_time` says what follows if the call has none.
    pub fn under(
        me: &'static Thread,
        deadline: Instant,
        mask: Option<u64>,
        without_time: WithoutTime,
        act: impl Fn(&Self) -> isize,
    ) -> isize {
        if mask.is_some_and(|mask| me.mask.get() & !mask != 0) {
            let found = act(&Self {
                deadline: 0,
                may_be_in_kernel: false,
                is_first_look: true,
                ..Self::new(me, deadline)
            });
            let is_over =
                || without_time == WithoutTime::HandlesNothing && deadline <= clock::now();
            if found != 0 || is_over() {
                return found;
            }
        }
        mask::during(me, mask, |watch| {
            act(&Self {
                me,
                deadline,
                watch: *watch,
                may_be_in_kernel: mask.is_none(),
                is_first_look: false,
            })
        })
    }

    fn is_over(&self) -> bool {
        self.deadline <= clock::now()
    }

    /// Whether to look before anything else: who had to wait in the kernel the last time does
    /// not.
    fn looks_first(&self) -> bool {
        !self.may_be_in_kernel || !self.me.event_loop.waits.get() || self.is_over()
    }

    /// What `look`, which does not wait, has found; `None` if the caller has to wait.
    fn look(&self, look: impl FnOnce() -> isize) -> Option<isize> {
        let result = look();
        (result != 0 || self.is_over()).then(|| {
            park::spend(self.me);
            result
        })
    }

    /// Calls `in_kernel`, which waits there, where nobody else runs beside the caller, until it
    /// has an answer; `None` where somebody does. `-EINTR` if a handler has run.
    fn alone(&self, in_kernel: impl Fn() -> isize) -> Option<isize> {
        if !self.may_be_in_kernel || signalfd::has_to_park(self.me) {
            return None;
        }
        loop {
            let result = event_loop::in_kernel(self.me, &in_kernel)?;
            if result != EINTR || self.watch.ends_call() {
                return Some(result);
            }
            // A signal that was not for the program.
            cancel::point();
        }
    }

    /// Waits for the deadline alone: 0, or `-EINTR` if a handler has run.
    fn sleep(&self) -> isize {
        if self.is_over() || sleep::until(self.me, self.deadline, &self.watch) {
            0
        } else {
            EINTR
        }
    }
}

/// The caller, who waits [alone](Wait::alone), has found these descriptors ready: as long as he
/// does so the hub need not learn of them.
fn forget_ready(fds: impl Iterator<Item = i32>) {
    for fd in fds {
        if let Some(entry) = descriptor::get(fd) {
            entry.unregister_if_idle(fd);
        }
    }
}
