//! The deadlines of all parked threads: a heap for each slot, so that workers which arm and disarm all the
//! time do not wait for each other. Whoever looks for the earliest looks at a word of each.
//!
//! A thread is in the heap of the slot that it was armed on, and taken out of that wherever it goes on.

use core::sync::atomic::{AtomicUsize, Ordering};

use super::timer::Timers;
use super::woken::Woken;
use crate::sys::clock::{Instant, NEVER};
use crate::task::Thread;

/// With more slots some share a heap.
const MOST: usize = 16;

/// On cache lines of its own, in pairs, as the processor fetches them.
#[repr(align(128))]
struct Heap(Timers);

/// See the module.
pub struct Deadlines {
    heaps: [Heap; MOST],
    used: AtomicUsize,
}

impl Deadlines {
    /// Nobody waits; there is one slot.
    pub const fn new() -> Self {
        Self {
            heaps: [const { Heap(Timers::new()) }; MOST],
            used: AtomicUsize::new(1),
        }
    }

    /// There are that many slots. Before the first thread parks.
    pub fn set_slots(&self, count: usize) {
        self.used.store(count.clamp(1, MOST), Ordering::Relaxed);
    }

    fn heaps(&self) -> impl Iterator<Item = &Timers> {
        let used = self.used.load(Ordering::Relaxed);
        self.heaps[..used].iter().map(|heap| &heap.0)
    }

    /// The earliest deadline of all parked threads, or [`NEVER`].
    #[inline]
    pub fn earliest(&self) -> Instant {
        self.heaps().map(Timers::earliest).min().unwrap_or(NEVER)
    }

    /// Sees to it that the armed `thread`, on the slot with that index, is claimed at `deadline`; true if that may now
    /// be the earliest deadline, which whoever waits for that has to learn. (To look at the other heaps would say
    /// no more: one of them may lose its earliest while this one gets it.) The caller, who
    /// is critical, disarms before the thread's wait is over for good.
    #[must_use]
    pub fn arm(&self, thread: &Thread, slot: usize, deadline: Instant) -> bool {
        let heap = slot % self.used.load(Ordering::Relaxed);
        thread.timer().heap.set(heap as u8);
        self.heaps[heap].0.arm(thread, deadline)
    }

    /// Takes `thread`'s deadline back. On return no expiry of it is under way. The caller
    /// is critical.
    pub fn disarm(&self, thread: &Thread) {
        let heap = thread.timer().heap.get();
        self.heaps[usize::from(heap)].0.disarm(thread);
    }

    /// Claims every thread whose deadline is at or before `now`. The caller is critical.
    pub fn expire(&self, now: Instant, woken: &mut Woken) {
        for heap in self.heaps() {
            heap.expire(now, woken);
        }
    }

    /// Forgets every deadline: in a forked child nobody is parked.
    ///
    /// # Safety
    /// The caller is the process's only thread.
    pub unsafe fn reset(&self) {
        for heap in self.heaps() {
            // SAFETY: as the caller promises.
            unsafe { heap.reset() };
        }
    }
}
