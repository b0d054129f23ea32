//! Deadlines of parked threads.
//!
//! A pairing heap whose links lie beside the threads' seats: arming is O(1),
//! the earliest deadline is at hand, and taking one out (most are: a
//! `pthread_cond_timedwait` that is signalled in time) is O(log n) amortised,
//! all without allocation.

use core::ptr;

use super::woken::Woken;
use crate::sys::atomic::{AtomicU64, Ordering};
use crate::sys::clock::{Instant, NEVER};
use crate::task::lock::Locked;
use crate::task::timer::Timer;
use crate::task::word::Wake;
use crate::task::{Thread, rank};

/// Dereferences a link.
///
/// # Safety
/// `timer` is in the heap and the heap's lock is held.
unsafe fn at<'a>(timer: *const Timer) -> &'a Timer {
    // SAFETY: whoever is in the heap is a parked thread, whose block lives.
    unsafe { &*timer }
}

/// Makes one heap of two; either may be empty.
///
/// # Safety
/// The heap's lock is held; `a` and `b` are roots.
unsafe fn meld(a: *const Timer, b: *const Timer) -> *const Timer {
    if a.is_null() {
        return b;
    }
    if b.is_null() {
        return a;
    }
    // SAFETY: both are in the heap.
    let (first, second) = unsafe { (at(a), at(b)) };
    let (parent, child) = if first.deadline.get() <= second.deadline.get() {
        (first, second)
    } else {
        (second, first)
    };
    let eldest = parent.child.get();
    child.previous.set(parent);
    child.sibling.set(eldest);
    if !eldest.is_null() {
        // SAFETY: as above.
        unsafe { at(eldest) }.previous.set(child);
    }
    parent.child.set(child);
    parent
}

/// Melds the siblings from `first` on: pairs from left to right, then the
/// results from right to left.
///
/// # Safety
/// The heap's lock is held.
unsafe fn merge_siblings(first: *const Timer) -> *const Timer {
    let mut pairs: *const Timer = ptr::null();
    let mut cursor = first;
    while !cursor.is_null() {
        // SAFETY: siblings are in the heap.
        unsafe {
            let a = cursor;
            let b = at(a).sibling.get();
            cursor = if b.is_null() {
                ptr::null()
            } else {
                at(b).sibling.get()
            };
            at(a).sibling.set(ptr::null());
            if !b.is_null() {
                at(b).sibling.set(ptr::null());
            }
            let pair = meld(a, b);
            at(pair).sibling.set(pairs);
            pairs = pair;
        }
    }
    let mut root: *const Timer = ptr::null();
    while !pairs.is_null() {
        // SAFETY: as above.
        unsafe {
            let next = at(pairs).sibling.get();
            at(pairs).sibling.set(ptr::null());
            root = meld(root, pairs);
            pairs = next;
        }
    }
    root
}

/// The heap: its root, the earliest.
#[derive(Default)]
pub struct Heap(*const Timer);

impl Heap {
    /// No deadlines.
    pub const EMPTY: Self = Self(ptr::null());

    fn earliest(&self) -> Instant {
        // SAFETY: null, or the root, which is in the heap; its lock is held.
        unsafe { self.0.as_ref() }.map_or(NEVER, |root| root.deadline.get())
    }

    /// Puts `timer`, which is in no heap, in.
    fn insert(&mut self, timer: &Timer, deadline: Instant) {
        timer.deadline.set(deadline);
        timer.child.set(ptr::null());
        timer.sibling.set(ptr::null());
        timer.armed.set(true);
        // SAFETY: the lock is held, as there is a `&mut` to the heap; both are roots.
        self.0 = unsafe { meld(self.0, timer) };
    }

    /// Takes `timer`, which is in the heap, out.
    fn remove(&mut self, timer: &Timer) {
        // SAFETY: the lock is held; what hangs on a timer of the heap is in it.
        unsafe {
            let rest = merge_siblings(timer.child.get());
            if ptr::eq(self.0, timer) {
                self.0 = rest;
            } else {
                let (previous, sibling) = (timer.previous.get(), timer.sibling.get());
                if ptr::eq(at(previous).child.get(), timer) {
                    at(previous).child.set(sibling);
                } else {
                    at(previous).sibling.set(sibling);
                }
                if !sibling.is_null() {
                    at(sibling).previous.set(previous);
                }
                self.0 = meld(self.0, rest);
            }
        }
        timer.armed.set(false);
    }

    /// Takes the earliest out, if its deadline is at or before `now`.
    fn pop(&mut self, now: Instant) -> Option<&'static Timer> {
        // SAFETY: null, or the root, which is in the heap; its thread's block lives.
        let root = unsafe { self.0.as_ref()? };
        (root.deadline.get() <= now).then(|| {
            self.remove(root);
            root
        })
    }
}

/// The deadlines of many threads.
pub struct Timers {
    heap: Locked<Heap, { rank::TIMERS }>,
    /// The earliest, for those who only want to know whether to look.
    earliest: AtomicU64,
}

#[cfg(not(model))]
impl Timers {
    /// Nobody waits.
    pub const fn new() -> Self {
        Self {
            heap: Locked::new(Heap::EMPTY),
            earliest: AtomicU64::new(NEVER),
        }
    }
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            heap: Locked::default(),
            earliest: AtomicU64::new(NEVER),
        }
    }
}

impl Timers {
    fn with<R>(&self, act: impl FnOnce(&mut Heap) -> R) -> R {
        self.heap.with(|heap| {
            let result = act(heap);
            // Release pairs with the load in `earliest`.
            self.earliest.store(heap.earliest(), Ordering::Release);
            result
        })
    }

    /// The earliest deadline of all parked threads, or [`NEVER`].
    pub fn earliest(&self) -> Instant {
        // Acquire pairs with the store in `with`.
        self.earliest.load(Ordering::Acquire)
    }

    /// Sees to it that the armed `thread` is claimed at `deadline`; true if that is now
    /// the earliest deadline, which whoever waits for that has to learn. The caller, who
    /// is critical, disarms before the thread's wait is over for good.
    #[must_use]
    pub fn arm(&self, thread: &Thread, deadline: Instant) -> bool {
        let timer = thread.timer();
        timer.seat.set(thread.seat());
        self.with(|heap| {
            heap.insert(timer, deadline);
            ptr::eq(heap.0, timer)
        })
    }

    /// Takes `thread`'s deadline back. On return no expiry of it is under way. The caller
    /// is critical.
    pub fn disarm(&self, thread: &Thread) {
        self.with(|heap| {
            let timer = thread.timer();
            if timer.armed.get() {
                heap.remove(timer);
            }
        });
    }

    /// Claims every thread whose deadline is at or before `now`. The caller is critical.
    pub fn expire(&self, now: Instant, woken: &mut Woken) {
        if self.earliest() > now {
            return;
        }
        self.with(|heap| {
            while let Some(timer) = heap.pop(now) {
                // Under the lock, so that a thread that has disarmed can rely on its next
                // wait being its own.
                // SAFETY: a timer of the heap is that of a parked thread, which has the seat.
                woken.claim(unsafe { &*timer.seat.get() }, Wake::Timeout);
            }
        });
    }

    /// Forgets every deadline: in a forked child nobody is parked.
    ///
    /// # Safety
    /// The caller is the process's only thread.
    pub unsafe fn reset(&self) {
        if self.earliest() == NEVER && self.heap.is_idle() {
            return;
        }
        // SAFETY: as the caller promises.
        unsafe { self.heap.reset(Heap::EMPTY) };
        self.earliest.store(NEVER, Ordering::Relaxed);
    }
}
