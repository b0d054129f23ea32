//! Sleeping.

use core::sync::atomic::{Ordering, fence};

use crate::sched;
use crate::signal::Watch;
use crate::sys::clock::{self, Instant};
use crate::thread::wait::Wake;
use crate::thread::{Critical, Thread, cancel};

/// Leaves the CPU until `deadline`; false if a handler has run before. A
/// cancellation point.
pub fn until(me: &'static Thread, deadline: Instant) -> bool {
    let watch = Watch::new(me);
    if deadline <= clock::now() {
        sched::yield_now(me);
        return true;
    }
    loop {
        match park(me, deadline) {
            Wake::Timeout => return true,
            _ => {
                cancel::point();
                if watch.handled() {
                    return false;
                }
            }
        }
    }
}

/// Waits for nothing but the time and signals.
pub fn park(me: &'static Thread, deadline: Instant) -> Wake {
    let _critical = Critical::enter();
    me.arm();
    // `commit` looks for pending signals next; no lock has been released since.
    fence(Ordering::SeqCst);
    me.commit(deadline)
}
