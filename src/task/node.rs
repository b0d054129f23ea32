//! The link of a thread that waits on an address, see [`Queues`](crate::wait::queue::Queues).

use super::Thread;
use crate::sys::atomic::AtomicUsize;
#[cfg(not(model))]
use crate::sys::atomic::Ordering;
use crate::sys::cell::Cell;

/// A waiting thread's link in a queue. All fields but `key` are guarded by the
/// bucket that `key` names while `linked`.
#[derive(Default)]
pub struct Node {
    pub(crate) next: Cell<*const Node>,
    pub(crate) previous: Cell<*const Node>,
    thread: Cell<*const Thread>,
    pub(crate) key: AtomicUsize,
    pub(crate) tag: Cell<u32>,
    /// Those with a higher one stand before the others of the same key.
    pub(crate) rank: Cell<u8>,
    pub(crate) linked: Cell<bool>,
}

impl Node {
    /// Says whose link this is.
    pub(crate) fn set_thread(&self, thread: &Thread) {
        self.thread.set(thread);
    }

    /// In a forked child, where the queues are empty.
    #[cfg(not(model))]
    pub(crate) fn reset(&self) {
        self.key.store(0, Ordering::Relaxed);
        self.linked.set(false);
    }

    /// What the waiter said of itself.
    pub fn tag(&self) -> u32 {
        self.tag.get()
    }

    /// The thread that waits.
    pub(crate) fn thread(&self) -> &'static Thread {
        // SAFETY: a linked node's thread waits, so its block lives; callers
        // hold the bucket.
        unsafe { &*self.thread.get() }
    }
}
