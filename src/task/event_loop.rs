//! A thread that waits in an `epoll_wait`, `poll` or `select` of its own.

use core::cell::Cell;

/// What is known of it. Touched by itself alone; all zeros at first.
#[derive(Default)]
pub struct EventLoop {
    /// How often threads had run at its slot when it last waited.
    pub runs: Cell<u32>,
    /// Whether it is to be expected that there is nothing for it at once: so it was the last
    /// time.
    pub waits: Cell<bool>,
    /// Whether it is counted among those who wait in the kernel. Stays set when a handler
    /// leaves the wait by a jump.
    pub is_counted: Cell<bool>,
}
