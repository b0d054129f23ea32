//! Intrusive stacks without a lock, which one thread at most takes from.

use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

/// Pushes `node`, in no stack yet, whose link is `link`. Async-signal-safe. Who reads
/// the head with Acquire sees the node as it is now. SeqCst: some look afterwards whether
/// anybody is there to take it.
pub fn push<T>(head: &AtomicPtr<T>, node: &T, link: &AtomicPtr<T>) {
    let mut first = head.load(Ordering::Relaxed);
    loop {
        link.store(first, Ordering::Relaxed);
        let new = ptr::from_ref(node).cast_mut();
        match head.compare_exchange_weak(first, new, Ordering::SeqCst, Ordering::Relaxed) {
            Ok(_) => return,
            Err(now) => first = now,
        }
    }
}

/// Takes a node off. Nobody else does: so one that is the first still has the same link.
pub fn pop<T>(head: &AtomicPtr<T>, link: impl Fn(&T) -> &AtomicPtr<T>) -> Option<&'static T> {
    // Acquire: the node as it was pushed.
    let mut first = head.load(Ordering::Acquire);
    loop {
        // SAFETY: null, or a node, which lives for good.
        let node = unsafe { first.as_ref()? };
        let rest = link(node).load(Ordering::Relaxed);
        match head.compare_exchange_weak(first, rest, Ordering::Acquire, Ordering::Acquire) {
            Ok(_) => return Some(node),
            Err(now) => first = now,
        }
    }
}
