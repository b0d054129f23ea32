//! Sleeping.

use crate::sched::park;
use crate::signal::{Watch, cancel};
use crate::sys::clock::{self, Instant};
use crate::task::word::{Cancellation, Wake};
use crate::task::{Critical, Thread};

/// Leaves the CPU until `deadline`; false if a handler has run since `watch`
/// began. A cancellation point.
pub fn until(me: &'static Thread, deadline: Instant, watch: &Watch) -> bool {
    if deadline <= clock::now() {
        park::yield_now(me);
        return true;
    }
    loop {
        match park_until(me, deadline, watch) {
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

/// Waits for nothing but the time and signals; not at all if a handler has run
/// since `watch` began.
pub fn park_until(me: &'static Thread, deadline: Instant, watch: &Watch) -> Wake {
    let _critical = Critical::enter();
    // From here on a signal stays pending, and `commit` sees it.
    if watch.handled() {
        return Wake::Interrupted;
    }
    park::for_time(me, deadline, Cancellation::Point)
}
