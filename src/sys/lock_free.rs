//! Intrusive stacks without a lock, which are only pushed to or taken whole.

use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

/// Pushes `node`, in no stack yet, whose link is `link`. Async-signal-safe. Who reads
/// the head with Acquire sees the node as it is now.
pub fn push<T>(head: &AtomicPtr<T>, node: &T, link: &AtomicPtr<T>) {
    let mut first = head.load(Ordering::Relaxed);
    loop {
        link.store(first, Ordering::Relaxed);
        let new = ptr::from_ref(node).cast_mut();
        match head.compare_exchange_weak(first, new, Ordering::AcqRel, Ordering::Relaxed) {
            Ok(_) => return,
            Err(now) => first = now,
        }
    }
}
