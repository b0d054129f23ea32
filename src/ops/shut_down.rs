//! `shutdown(2)` of sockets of which epoll does not tell.
//!
//! A socket of a Unix domain that can send no more is as little ready to be written as before, while the
//! kernel ends the calls that wait there. So whoever waits to send on one looks again when any of them is
//! shut down in this process: its other end is not known by a number.

use core::sync::atomic::{AtomicU32, Ordering};

use crate::hub::class::Class;
use crate::hub::descriptor::{self, Direction};
use crate::sched::{self, wake};
use crate::sys::in_child::{in_child, restore};
use crate::sys::socket;

/// How often one was shut down. A forked child counts on.
static COUNT: AtomicU32 = AtomicU32::new(0);
/// How many threads wait to send on sockets other than TCP's, or are about to.
static WAITING: AtomicU32 = AtomicU32::new(0);

/// How often that has been: to be noted before an attempt to send.
#[inline(always)]
pub(super) fn so_far() -> u32 {
    // Acquire: an attempt after this sees what the shutdown has done.
    COUNT.load(Ordering::Acquire)
}

/// The caller, who is critical, is about to wait after an attempt that `since` was noted before: whether
/// it may. Each beginning has an [end](end_wait).
pub(super) fn begin_wait(since: u32) -> bool {
    // SeqCst pairs with `of`: either that sees this, or this sees its count.
    WAITING.fetch_add(1, Ordering::SeqCst);
    COUNT.load(Ordering::SeqCst) == since
}

/// The wait is over.
pub(super) fn end_wait() {
    WAITING.fetch_sub(1, Ordering::Relaxed);
}

/// `fd` was shut down.
pub fn of(fd: i32) {
    if !sched::is_running() || socket::int_option(fd, libc::SO_DOMAIN) != Ok(libc::AF_UNIX) {
        return;
    }
    COUNT.fetch_add(1, Ordering::SeqCst);
    if WAITING.load(Ordering::SeqCst) > 0 {
        wake::collecting(|woken| {
            for entry in descriptor::in_use(0, u32::MAX).filter_map(descriptor::get) {
                if matches!(entry.known_class(), Class::Unknown | Class::Socket) {
                    entry.retry(Direction::Write, woken);
                }
            }
        });
    }
}

/// In a forked child nobody waits.
fn reset() {
    restore(&WAITING, 0);
}

in_child!(reset);
