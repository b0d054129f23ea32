//! The eventfd in the hub's epoll: writing to it ends a wait there.

use super::own;
use crate::sys::raw::syscall;

/// A new one, or `-errno`.
pub(super) fn make() -> isize {
    let flags = libc::EFD_CLOEXEC | libc::EFD_NONBLOCK;
    // SAFETY: creates a new descriptor.
    unsafe { syscall!(SYS_eventfd2, 0, flags) }
}

/// Makes an [`Events::take`](super::epoll::Events::take) that waits, or the next one, return.
/// Async-signal-safe.
pub fn kick() {
    // Who moves the hub kicks it afterwards.
    let _ = own::try_with(|_, event| signal(event));
}

/// Writes to the eventfd `event`.
pub(super) fn signal(event: i32) {
    let one = 1u64;
    // SAFETY: `one` is live. Whoever is woken resets the counter, which does not
    // block at its limit.
    unsafe { syscall!(SYS_write, event, &raw const one, 8) };
}

/// Takes what was written to the eventfd `event` so far.
pub(super) fn drain(event: i32) {
    let mut count = 0u64;
    // SAFETY: `count` is live; the eventfd does not block.
    unsafe { syscall!(SYS_read, event, &raw mut count, 8) };
}
