//! Signals: whose turn it is to run a handler.
//!
//! The kernel delivers to kernel threads, and which green thread one of them
//! happens to run is chance. So handlers are installed behind a trampoline
//! ([`delivery`]), which finds the thread that the signal is meant for: the main
//! thread, for one that is sent to the process, unless it blocks it (Linux,
//! `complete_signal`); else whoever it was sent to or raised by. A thread that is
//! parked is made to run, executes the handler in its own context, and its call
//! fails with `EINTR` or goes on, as signal(7) says ([`Watch`]).
//!
//! Masks belong to threads; a worker's kernel mask follows the thread that it
//! runs, with a system call only where two threads' masks differ.

pub mod actions;
pub mod cancellation;
pub mod credentials;
pub mod delivery;
pub mod info;
pub mod mask;
pub mod send;
pub mod wait;

use core::sync::atomic::Ordering;

use crate::thread::{Thread, main_thread};

pub use send::{catch_up, deliver_deferred, is_deferred};

/// Signals that glibc keeps for itself; the first stands for a cancellation
/// request in [`Thread`]'s set of pending ones.
pub const SIGCANCEL: i32 = 32;
/// See [`SIGCANCEL`].
pub const SIGSETXID: i32 = 33;
/// The highest signal.
pub const HIGHEST: i32 = 64;

/// What nobody can block: `SIGKILL`, `SIGSTOP`, and the signals of glibc's own.
pub const UNBLOCKABLE: u64 =
    bit(libc::SIGKILL) | bit(libc::SIGSTOP) | bit(SIGCANCEL) | bit(SIGSETXID);

/// The signal's bit in a mask.
#[inline(always)]
pub const fn bit(signal: i32) -> u64 {
    1 << (signal - 1)
}

/// Signals that a base context is closed to: those that the main thread blocks;
/// none, once that has ended.
#[inline(always)]
pub fn idle_mask() -> u64 {
    main_thread::get().map_or(0, |main| main.mask.load(Ordering::SeqCst))
}

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
