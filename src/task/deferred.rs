//! Threads that have to be told of signals that arrived inside the runtime, where nobody
//! could be.

use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

use super::Thread;
use crate::sys::in_child::{in_child, restore};
use crate::sys::lock_free;

/// A stack, linked through the threads. A thread is in one of the two at most.
static DEFERRED: AtomicPtr<Thread> = AtomicPtr::new(ptr::null_mut());
/// The same, of those whom nobody can tell now: for the monitor.
static POSTPONED: AtomicPtr<Thread> = AtomicPtr::new(ptr::null_mut());

/// Whether there is one.
#[inline(always)]
pub fn is_anybody() -> bool {
    !DEFERRED.load(Ordering::Relaxed).is_null()
}

/// Leaves it to whoever [takes](take_all) them to tell `target`. Async-signal-safe.
pub fn add(target: &'static Thread) {
    push(&DEFERRED, target);
}

/// Leaves it to the monitor to tell `target`, at its next look. Async-signal-safe.
pub fn postpone(target: &'static Thread) {
    push(&POSTPONED, target);
}

fn push(list: &AtomicPtr<Thread>, target: &'static Thread) {
    if !target.deferred.swap(true, Ordering::AcqRel) {
        lock_free::push(list, target, &target.deferred_next);
    }
}

/// Calls `tell` for each, and forgets it before that.
pub fn take_all(tell: impl Fn(&'static Thread)) {
    take(&DEFERRED, tell);
}

/// Whether the monitor has anybody to tell.
pub fn is_anybody_postponed() -> bool {
    !POSTPONED.load(Ordering::Relaxed).is_null()
}

/// [`take_all`] for those that were postponed.
pub fn take_postponed(tell: impl Fn(&'static Thread)) {
    take(&POSTPONED, tell);
}

fn take(list: &AtomicPtr<Thread>, tell: impl Fn(&'static Thread)) {
    if list.load(Ordering::Relaxed).is_null() {
        return;
    }
    let mut next = list.swap(ptr::null_mut(), Ordering::AcqRel);
    // SAFETY: null or a thread's block; those of green threads stay.
    while let Some(target) = unsafe { next.as_ref() } {
        next = target.deferred_next.load(Ordering::Relaxed);
        // Before the look: what comes later is deferred anew. AcqRel pairs with
        // the swap in `add`.
        target.deferred.swap(false, Ordering::AcqRel);
        tell(target);
    }
}

/// Forgets everybody: in a forked child they do not exist.
fn reset() {
    restore(&DEFERRED, ptr::null_mut());
    restore(&POSTPONED, ptr::null_mut());
}

in_child!(reset);
