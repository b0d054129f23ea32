//! Signals: whose turn it is to run a handler.

use crate::thread::Thread;

/// What happened to a thread, signals considered, while it waited.
///
/// Taken before a wait; afterwards it tells whether the call has to fail with
/// `EINTR` (signal(7), "Interruption of system calls").
pub struct Watch {
    me: &'static Thread,
    handled: u32,
    not_restarting: u32,
}

impl Watch {
    /// From here on.
    #[inline(always)]
    pub fn new(me: &'static Thread) -> Self {
        Self { me, handled: me.handled.get(), not_restarting: me.not_restarting.get() }
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

/// a
pub fn idle_mask() -> u64 { 0 }
/// a
pub fn is_deferred() -> bool { false }
/// a
pub fn deliver_deferred() {}
/// a
pub fn catch_up(_me: &'static Thread) {}
