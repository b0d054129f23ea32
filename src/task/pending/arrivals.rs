//! Signals that have just come for a thread: a stack that anybody pushes to, a handler too, and
//! that is only taken whole.

use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

use super::fifo::Fifo;
use super::pool::Entry;

/// See the module.
pub struct Arrivals(AtomicPtr<Entry>);

impl Arrivals {
    /// Nothing.
    pub const fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// Whether there are none. SeqCst: who pushes says so afterwards, and who has taken that back
    /// looks here.
    pub fn is_empty(&self) -> bool {
        self.0.load(Ordering::SeqCst).is_null()
    }

    /// Adds `entry`, which the caller has to itself.
    pub fn push(&self, entry: &Entry) {
        let mut first = self.0.load(Ordering::Relaxed);
        let new = ptr::from_ref(entry).cast_mut();
        loop {
            entry.next.set(first);
            match self
                .0
                .compare_exchange_weak(first, new, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) => return,
                Err(now) => first = now,
            }
        }
    }

    /// Takes all out, the oldest first.
    pub fn take(&self) -> Fifo {
        let mut next = self.0.swap(ptr::null_mut(), Ordering::AcqRel).cast_const();
        let list = Fifo::new();
        // SAFETY: entries stay; the caller has these to itself.
        while let Some(entry) = unsafe { next.as_ref() } {
            next = entry.next.get();
            list.push_front(entry);
        }
        list
    }
}
