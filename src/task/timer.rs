//! The link of a thread that waits for a deadline, see [`Timers`](crate::wait::timer::Timers).

use super::Thread;
use crate::sys::cell::Cell;
use crate::sys::clock::Instant;

/// A thread's link in the heap, guarded by the heap's lock.
#[derive(Default)]
pub struct Timer {
    pub(crate) deadline: Cell<Instant>,
    pub(crate) child: Cell<*const Timer>,
    pub(crate) sibling: Cell<*const Timer>,
    /// The sibling before this node, or its parent if it is the first child.
    pub(crate) previous: Cell<*const Timer>,
    pub(crate) thread: Cell<*const Thread>,
    pub(crate) armed: Cell<bool>,
}

impl Timer {
    /// Says whose link this is.
    pub(crate) fn set_thread(&self, thread: &Thread) {
        self.thread.set(thread);
    }
}
