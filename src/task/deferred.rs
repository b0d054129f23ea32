//! Threads that have to be told of signals that arrived inside the runtime, where nobody
//! could be.

use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

use super::Thread;
use crate::sys::in_child::in_child;
use crate::sys::lock_free;

/// A stack, linked through the threads.
static DEFERRED: AtomicPtr<Thread> = AtomicPtr::new(ptr::null_mut());

/// Whether there is one.
#[inline(always)]
pub fn is_anybody() -> bool {
    !DEFERRED.load(Ordering::Relaxed).is_null()
}

/// Leaves it to whoever [takes](take_all) them to tell `target`. Async-signal-safe.
pub fn add(target: &'static Thread) {
    if !target.deferred.swap(true, Ordering::AcqRel) {
        lock_free::push(&DEFERRED, target, &target.deferred_next);
    }
}

/// Calls `tell` for each, and forgets it before that.
pub fn take_all(tell: impl Fn(&'static Thread)) {
    if !is_anybody() {
        return;
    }
    let mut next = DEFERRED.swap(ptr::null_mut(), Ordering::AcqRel);
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
    DEFERRED.store(ptr::null_mut(), Ordering::Relaxed);
}

in_child!(reset);
