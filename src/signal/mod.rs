//! Signals: whose turn it is to run a handler.
//!
//! The kernel delivers to kernel threads, and which green thread one of them
//! happens to run is chance. So handlers are installed behind a [`trampoline`], which
//! finds the thread that the signal is meant for: the main
//! thread, for one that is sent to the process, unless it blocks it (Linux,
//! `complete_signal`); else whoever it was sent to or raised by. A thread that is
//! parked is made to run, executes the handler in its own context, and its call
//! fails with `EINTR` or goes on, as signal(7) says ([`Watch`]).
//!
//! Masks belong to threads; a worker's kernel mask follows the thread that it
//! runs, with a system call only where two threads' masks differ.

mod acceptor;
pub mod actions;
pub mod adopt;
pub mod cancel;
pub mod cancellation;
pub mod catch_up;
pub mod credentials;
pub mod delivery;
pub mod errand;
pub mod exec;
pub mod info;
mod lent;
pub mod mask;
pub mod processor_time;
pub mod restart;
pub mod retry;
pub mod send;
pub mod shared;
pub mod sigaction;
pub mod signalfd;
pub mod socket_wait;
pub mod stack;
pub mod steps;
pub mod system_call;
pub mod trampoline;
pub mod wait;

use crate::task::Thread;

/// What happened to a thread, signals considered, while it waited.
///
/// Taken before a wait; afterwards it tells whether the call has to fail with
/// `EINTR` (signal(7), "Interruption of system calls").
#[derive(Clone, Copy)]
pub struct Watch {
    me: &'static Thread,
    handled: u32,
    not_restarting: u32,
}

impl Watch {
    /// From here on.
    #[inline(always)]
    pub fn new(me: &'static Thread) -> Self {
        Self {
            me,
            handled: me.handled.get(),
            not_restarting: me.not_restarting.get(),
        }
    }

    /// Whether a wait that a signal has ended, as the kernel's on a futex, fails with `EINTR`.
    /// The kernel starts it again after a handler with `SA_RESTART` if it has no time limit
    /// (futex_wait; a limit makes it one of those that are never restarted).
    pub fn ends_futex_wait(&self, has_limit: bool) -> bool {
        if !actions::are_known() {
            // Nobody but the kernel knows whether a handler has run: it has ended the wait.
            return true;
        }
        if has_limit {
            self.handled()
        } else {
            self.interrupted()
        }
    }

    /// Whether any handler has run: for calls that are never restarted.
    #[inline(always)]
    pub fn handled(&self) -> bool {
        self.me.handled.get() != self.handled
    }

    /// Whether a handler without `SA_RESTART` has run: for calls that are
    /// restarted otherwise.
    #[inline(always)]
    pub fn interrupted(&self) -> bool {
        self.me.not_restarting.get() != self.not_restarting
    }
}
