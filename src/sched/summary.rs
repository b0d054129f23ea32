//! What the scheduler has done, in one line when the process exits, if `GREEN_STATS=1` asks for that.

use core::fmt::Write;

use super::{idle, slots, statistics, worker};
use crate::glibc::patch;
use crate::settings;
use crate::sys::report;

/// Begins to count, and sees to the line at the exit, if that was asked for.
pub fn begin_if_asked() {
    if settings::statistics() && statistics::begin_once() {
        // SAFETY: a function of that type, for the life of the process.
        unsafe { libc::atexit(at_exit) };
    }
}

extern "C" fn at_exit() {
    let totals = statistics::totals();
    let [computing, blocked] = totals.handed_on;
    let mut dispatches = 0u64;
    let mut lock_waits = 0u64;
    for slot in slots::all() {
        let counts = slot.counts();
        dispatches += u64::from(counts.ticks.wrapping_sub(counts.empty));
        lock_waits += u64::from(counts.lock_waits);
    }
    let mut line = report::Line::new();
    // A line that is too long is cut.
    let _ = write!(
        line,
        "{} of {} slots in use, {} kernel threads; {dispatches} dispatches, {lock_waits} ended in \
         the wait for a lock; slots handed on: {} computing, {} blocked; runnable for at most \
         {:.1} us (50 %), {:.1} us (95 %), {:.1} us (99 %), {:.1} us (100 %)",
        idle::limit(),
        slots::all().len(),
        worker::all().count(),
        computing,
        blocked,
        totals.percentile(50.0),
        totals.percentile(95.0),
        totals.percentile(99.0),
        totals.percentile(100.0),
    );
    line.print();
    patch::report();
}
