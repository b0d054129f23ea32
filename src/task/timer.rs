//! The link of a thread that waits for a deadline, see [`Timers`](crate::wait::timer::Timers).

use super::seat::Seat;
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
    /// That of the same thread.
    pub(crate) seat: Cell<*const Seat>,
    pub(crate) armed: Cell<bool>,
    /// Which heap it was last put into, see `Deadlines`; the thread's own.
    #[cfg(not(model))]
    pub(crate) heap: Cell<u8>,
}
