//! Who waits for a descriptor.

use core::cell::UnsafeCell;
use core::ptr;

use crate::sys::atomic::{AtomicPtr, AtomicU32, Ordering};
use crate::sys::cell::Cell;
use crate::task::Thread;
use crate::task::seat::Seat;
use crate::task::word::Wake;
use crate::wait::woken::Woken;

/// A direction of readiness.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(usize)]
pub enum Direction {
    /// Data, a connection, end of file, or an error can be read.
    Read = 0,
    /// Space, or the end of a connection attempt.
    Write = 1,
}

/// Who a waiter is, for deciding whom an edge wakes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Takes what the edge announces; one is woken, and passes the rest on.
    Consumer,
    /// Only wants to know (`poll`, `select`); all are woken.
    Observer,
}

/// A waiter's link in a descriptor's queue. Lives on the waiter's stack.
pub struct Link {
    next: *const Link,
    previous: *const Link,
    seat: &'static Seat,
    role: Role,
    pub(super) linked: bool,
}

impl Link {
    /// A link for `thread`, in no queue.
    pub fn new(thread: &'static Thread, role: Role) -> UnsafeCell<Self> {
        UnsafeCell::new(Self {
            next: ptr::null(),
            previous: ptr::null(),
            seat: thread.seat(),
            role,
            linked: false,
        })
    }
}

/// One direction of a number.
pub(super) struct Side {
    /// Edges seen. Written under the lock, read without.
    pub(super) edges: AtomicU32,
    /// The edge count at which the descriptor was last found drained, plus one.
    pub(super) drained: AtomicU32,
    /// The first who waits. Written under the lock, as are the links.
    pub(super) head: AtomicPtr<Link>,
    tail: Cell<*const Link>,
}

// SAFETY: `tail` and the links are only touched under the entry's lock; the rest is atomic.
unsafe impl Sync for Side {}
// SAFETY: as above.
unsafe impl Send for Side {}

impl Default for Side {
    fn default() -> Self {
        Self {
            edges: AtomicU32::new(0),
            drained: AtomicU32::new(0),
            head: AtomicPtr::new(ptr::null_mut()),
            tail: Cell::new(ptr::null()),
        }
    }
}

impl Side {
    /// # Safety
    /// The entry's lock is held and `link` is in no queue.
    pub(super) unsafe fn push(&self, link: *mut Link) {
        // SAFETY: under the lock; linked links live.
        unsafe {
            (*link).next = ptr::null();
            (*link).previous = self.tail.get();
            (*link).linked = true;
            if self.tail.get().is_null() {
                self.head.store(link, Ordering::Relaxed);
            } else {
                (*self.tail.get().cast_mut()).next = link;
            }
            self.tail.set(link);
        }
    }

    /// # Safety
    /// The entry's lock is held and `link` is in this queue.
    pub(super) unsafe fn remove(&self, link: *mut Link) {
        // SAFETY: under the lock; linked links live.
        unsafe {
            let (next, previous) = ((*link).next, (*link).previous);
            if previous.is_null() {
                self.head.store(next.cast_mut(), Ordering::Relaxed);
            } else {
                (*previous.cast_mut()).next = next;
            }
            if next.is_null() {
                self.tail.set(previous);
            } else {
                (*next.cast_mut()).previous = previous;
            }
            (*link).linked = false;
        }
    }

    /// Claims every observer and the first consumer (or, with `all`, everybody).
    ///
    /// # Safety
    /// The entry's lock is held.
    pub(super) unsafe fn claim(&self, reason: Wake, all: bool, woken: &mut Woken) {
        let mut consumer = all;
        // SAFETY: under the lock; linked links live. A claimed thread's link is
        // not touched again.
        unsafe {
            let mut cursor = self.head.load(Ordering::Relaxed).cast_const();
            while !cursor.is_null() {
                let link = cursor.cast_mut();
                cursor = (*link).next;
                let is_consumer = (*link).role == Role::Consumer;
                if is_consumer && consumer && !all {
                    continue;
                }
                let seat = (*link).seat;
                self.remove(link);
                consumer |= woken.claim(seat, reason) && is_consumer;
            }
        }
    }
}
