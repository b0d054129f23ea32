//! The hub: one epoll descriptor per process, the timers, and the table of
//! descriptors.

pub mod class;
pub mod descriptor;
pub mod epoll;
pub mod timer;

use crate::sched;
use crate::sys::clock::{self, Instant, NEVER};

/// A deadline has become the earliest one: whoever sleeps in the hub with a
/// later one must look again.
fn earlier_deadline(deadline: Instant) {
    sched::idle::deadline_moved(deadline);
}

/// Looks at the hub and at the clock without waiting and makes runnable
/// whoever's time has come; returns how many.
pub fn glance() -> usize {
    let events = epoll::poll(0, || ());
    let expired = if timer::earliest() == NEVER {
        0
    } else {
        timer::expire(clock::now())
    };
    events + expired
}

/// Whether a parked thread may become runnable by an event or by time alone.
pub fn is_awaited() -> bool {
    timer::earliest() != NEVER || epoll::is_used()
}
