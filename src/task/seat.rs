//! What others touch of a thread that is off the CPU.
//!
//! A wake-up goes through the waiters of a queue and puts them into a list. Were all of that in
//! the threads' [blocks](super::Thread), which lie in as many pages as there are threads, each would
//! cost a miss of the address translation, too. So seats are one cache line each, side by side,
//! and so are their links in the heap of deadlines ([`seats`](super::seats)).

use core::ffi::c_void;

use super::Thread;
use super::word::ParkWord;
use crate::sys::atomic::AtomicUsize;
#[cfg(not(model))]
use crate::sys::atomic::Ordering;
use crate::sys::cell::Cell;

/// See the module. A thread that waits on an address is in a
/// [queue](crate::wait::queue::Queues), one that is runnable in a
/// [list](super::list::List).
///
/// `next`, `previous`, `tag`, `rank` and `linked` are guarded by the bucket that `key` names while
/// `linked`; the others are as the thread's own.
#[derive(Default)]
#[repr(C, align(64))]
pub struct Seat {
    /// The park/unpark rendezvous.
    pub word: ParkWord,
    /// What the waiter said of itself.
    pub(crate) tag: Cell<u32>,
    /// The address that it waits on.
    pub(crate) key: AtomicUsize,
    /// The neighbours in the queue.
    pub(crate) next: Cell<*const Seat>,
    pub(crate) previous: Cell<*const Seat>,
    /// The next in the list.
    pub follower: Cell<*const Seat>,
    /// The saved stack pointer while the thread is switched out.
    pub(crate) context: Cell<*const c_void>,
    /// Whose it is, if that is a green thread, or if it is a branch.
    thread: Cell<*const Thread>,
    /// Those with a higher one stand before the others of the same key.
    pub(crate) rank: Cell<u8>,
    /// Whether it is in the queue.
    pub(crate) linked: Cell<bool>,
}

#[cfg(not(any(model, debug_assertions)))]
const _: () = assert!(size_of::<Seat>() == 64, "a seat is one cache line");

impl Seat {
    /// Says whose it is.
    pub(crate) fn set_thread(&self, thread: &Thread) {
        self.thread.set(thread);
    }

    /// Makes it a branch of `thread`, the caller: another place where that waits. Nobody knows it yet.
    pub(crate) fn branch_off(&self, thread: &Thread) {
        self.set_thread(thread);
        self.word.branch_off();
    }

    /// The seat of the thread whose branch this is, which is in a queue, or was until a moment ago: its lock is
    /// held.
    pub(crate) fn trunk(&self) -> &Seat {
        // SAFETY: that waits, or has to come for the branch under the lock before it is gone.
        unsafe { &*self.thread.get() }.seat()
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

    /// The green thread that has it.
    #[inline(always)]
    pub fn thread(&self) -> &'static Thread {
        debug_assert!(!self.thread.get().is_null(), "a seat of no green thread");
        // SAFETY: set when the thread became green; the block of one lives for ever.
        unsafe { &*self.thread.get() }
    }
}
