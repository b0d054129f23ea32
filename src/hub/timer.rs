//! Deadlines of parked threads.
//!
//! A pairing heap whose links lie in the threads themselves: arming is O(1),
//! the earliest deadline is at hand, and taking one out (most are: a
//! `pthread_cond_timedwait` that is signalled in time) is O(log n) amortised,
//! all without allocation.

use core::cell::{Cell, UnsafeCell};
use core::ptr;
use core::sync::atomic::{AtomicU64, Ordering};

use crate::sys::clock::{Instant, NEVER};
use crate::sys::lock::RawLock;
use crate::thread::Thread;
use crate::thread::wait::Wake;

/// A thread's link in the heap, guarded by the heap's lock.
pub struct Timer {
    deadline: Cell<Instant>,
    child: Cell<*const Timer>,
    sibling: Cell<*const Timer>,
    /// The sibling before this node, or its parent if it is the first child.
    previous: Cell<*const Timer>,
    thread: Cell<*const Thread>,
    armed: Cell<bool>,
}

impl Timer {
    /// Says whose link this is.
    pub(crate) fn set_thread(&self, thread: &Thread) {
        self.thread.set(thread);
    }
}

struct Heap {
    lock: RawLock,
    root: UnsafeCell<*const Timer>,
    /// The earliest deadline, for those who only want to know whether to look.
    earliest: AtomicU64,
}

// SAFETY: `root` and what hangs on it are only touched under `lock`.
unsafe impl Sync for Heap {}

static HEAP: Heap = Heap {
    lock: RawLock::new(),
    root: UnsafeCell::new(ptr::null()),
    earliest: AtomicU64::new(NEVER),
};

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

impl Heap {
    /// # Safety
    /// The lock is held.
    unsafe fn set_root(&self, root: *const Timer) {
        let earliest = if root.is_null() {
            NEVER
        } else {
            // SAFETY: the root is in the heap.
            let root = unsafe { at(root) };
            root.previous.set(ptr::null());
            root.deadline.get()
        };
        // SAFETY: under the lock.
        unsafe { *self.root.get() = root };
        // Release pairs with the load in `earliest`.
        self.earliest.store(earliest, Ordering::Release);
    }

    /// # Safety
    /// The lock is held and `timer` is in the heap.
    unsafe fn remove(&self, timer: &Timer) {
        // SAFETY: as the caller promises.
        unsafe {
            let rest = merge_siblings(timer.child.get());
            if ptr::eq(*self.root.get(), timer) {
                self.set_root(rest);
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
                self.set_root(meld(*self.root.get(), rest));
            }
        }
        timer.child.set(ptr::null());
        timer.sibling.set(ptr::null());
        timer.armed.set(false);
    }
}

/// The earliest deadline of all parked threads, or [`NEVER`].
pub fn earliest() -> Instant {
    // Acquire pairs with the store in `set_root`.
    HEAP.earliest.load(Ordering::Acquire)
}

/// Sees to it that the armed `thread` is claimed at `deadline`.
pub fn arm(thread: &Thread, deadline: Instant) {
    let timer = &thread.timer;
    HEAP.lock.lock();
    timer.deadline.set(deadline);
    timer.child.set(ptr::null());
    timer.sibling.set(ptr::null());
    timer.armed.set(true);
    // SAFETY: under the lock; the thread parks next and disarms before it returns.
    let first = unsafe {
        let root = meld(*HEAP.root.get(), timer);
        HEAP.set_root(root);
        ptr::eq(root, timer)
    };
    HEAP.lock.unlock();
    if first {
        super::earlier_deadline(deadline);
    }
}

/// Takes `thread`'s deadline back. On return no expiry of it is under way.
pub fn disarm(thread: &Thread) {
    HEAP.lock.lock();
    if thread.timer.armed.get() {
        // SAFETY: under the lock; armed means in the heap.
        unsafe { HEAP.remove(&thread.timer) };
    }
    HEAP.lock.unlock();
}

/// Wakes every thread whose deadline is at or before `now`; returns how many.
pub fn expire(now: Instant) -> usize {
    let mut woken = 0;
    if earliest() > now {
        return 0;
    }
    HEAP.lock.lock();
    loop {
        // SAFETY: under the lock; a root is in the heap.
        let root = unsafe { *HEAP.root.get() };
        // SAFETY: as above.
        if root.is_null() || unsafe { at(root) }.deadline.get() > now {
            break;
        }
        // SAFETY: as above. The claim is made under the lock, so that a thread
        // that has disarmed can rely on its next wait being its own.
        unsafe {
            let timer = at(root);
            HEAP.remove(timer);
            woken += usize::from((*timer.thread.get()).wake(Wake::Timeout));
        }
    }
    HEAP.lock.unlock();
    woken
}

/// Forgets every deadline: in a forked child nobody is parked.
///
/// # Safety
/// The caller is the process's only thread.
pub unsafe fn reset() {
    // SAFETY: nobody else runs.
    unsafe {
        ptr::from_ref(&HEAP.lock).cast_mut().write(RawLock::new());
        HEAP.set_root(ptr::null());
    }
}
