//! How the hub learns that a signal waits for the process: a signalfd that nobody reads.
//!
//! It is registered, when it is needed, edge-triggered and for all signals: an event says
//! that one was sent which no kernel thread has taken so far. Which of them accepts it is for
//! others to find out ([`crate::signal::shared`]); the kernel keeps it until then.

use super::own;
use crate::sys::raw::syscall;

/// A new descriptor, or -1. It is made with the others, before there is a second thread that
/// might miss the number.
pub(super) fn make() -> i32 {
    let all = !0u64;
    // SAFETY: `all` is live; creates a new descriptor.
    let fd = unsafe {
        let flags = libc::SFD_CLOEXEC | libc::SFD_NONBLOCK;
        syscall!(SYS_signalfd4, -1isize, &raw const all, 8, flags)
    };
    (fd as i32).max(-1)
}

/// Makes the hub look out for signals: false if that cannot be.
pub fn watch() -> bool {
    own::with(|epoll, _| {
        let fd = own::signals();
        fd >= 0 && own::add(epoll, fd, libc::EPOLLIN | libc::EPOLLET, own::SIGNALS) == 0
    })
}
