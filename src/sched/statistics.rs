//! What the scheduler has done, told in one line when the process exits, if
//! `GREEN_STATS=1` asks for that.

use core::fmt::Write;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use super::{idle, slots, worker};
use crate::arch::cycles;
use crate::glibc::patch;
use crate::settings::{self, MAX_SLOTS};
use crate::sys::in_child::in_child;
use crate::sys::{clock, report};
use crate::task::Thread;
use crate::task::list::List;

/// Bucket `n` of a histogram counts times of at least 2ⁿ⁻¹ cycles and less than 2ⁿ.
const BUCKETS: usize = 48;

/// Whether anything is counted. A forked child keeps it.
static IS_ON: AtomicBool = AtomicBool::new(false);
/// How long threads were runnable before they ran, by the slot that ran them.
#[unsafe(link_section = ".llvm.linkonce.b.tables")]
static WAITS: [[AtomicU32; BUCKETS]; MAX_SLOTS] =
    [const { [const { AtomicU32::new(0) }; BUCKETS] }; MAX_SLOTS];
/// When counting began, by the clock and in cycles. A forked child begins anew.
static BEGAN: [AtomicU64; 2] = [const { AtomicU64::new(0) }; 2];
/// Slots that were taken from threads that computed, and from such as slept in the kernel.
static HANDED_ON: [AtomicU32; 2] = [const { AtomicU32::new(0) }; 2];

/// Whether anything is counted but what the scheduler itself has to know.
#[inline(always)]
fn is_on() -> bool {
    IS_ON.load(Ordering::Relaxed)
}

/// Begins to count, and sees to the line at the exit, if that was asked for.
pub fn begin_if_asked() {
    if !settings::statistics() || IS_ON.swap(true, Ordering::Relaxed) {
        return;
    }
    begin();
    // SAFETY: a function of that type, for the life of the process.
    unsafe { libc::atexit(at_exit) };
}

fn begin() {
    BEGAN[0].store(clock::now(), Ordering::Relaxed);
    BEGAN[1].store(cycles::now(), Ordering::Relaxed);
}

/// A forked child counts its own.
fn reset() {
    if is_on() {
        WAITS
            .iter()
            .flatten()
            .chain(&HANDED_ON)
            .for_each(|count| count.store(0, Ordering::Relaxed));
        begin();
    }
}

in_child!(reset);

/// Threads become runnable.
#[inline(always)]
pub fn became_runnable(list: &List) {
    if is_on() {
        let now = cycles::now();
        list.for_each(|seat| seat.thread().runnable_since.set(now));
    }
}

/// `thread` is about to run at the slot with that index.
#[inline(always)]
pub fn runs(thread: &Thread, slot: impl FnOnce() -> usize) {
    if is_on() {
        let waited = cycles::now().saturating_sub(thread.runnable_since.get());
        let bucket = (u64::BITS - waited.leading_zeros()) as usize;
        WAITS[slot()][bucket.min(BUCKETS - 1)].fetch_add(1, Ordering::Relaxed);
    }
}

/// The monitor has taken a slot from a thread that is `blocked` in the kernel, or computes.
pub fn handed_on(blocked: bool) {
    HANDED_ON[usize::from(blocked)].fetch_add(1, Ordering::Relaxed);
}

extern "C" fn at_exit() {
    let elapsed = clock::now() - BEGAN[0].load(Ordering::Relaxed);
    let cycles = cycles::now() - BEGAN[1].load(Ordering::Relaxed);
    let mut waits = [0u64; BUCKETS];
    for slot in &WAITS {
        for (sum, count) in waits.iter_mut().zip(slot) {
            *sum += u64::from(count.load(Ordering::Relaxed));
        }
    }
    let total: u64 = waits.iter().sum();
    // The upper bound of the bucket that holds this part of the waits, in microseconds.
    let percentile = |percent: f64| {
        let mut left = (total as f64 * percent / 100.0).ceil() as u64;
        let bucket = waits.iter().position(|count| {
            left = left.saturating_sub(*count);
            left == 0
        });
        let bound = 1u64 << bucket.unwrap_or(0);
        bound as f64 * elapsed as f64 / cycles.max(1) as f64 / 1000.0
    };
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
        HANDED_ON[0].load(Ordering::Relaxed),
        HANDED_ON[1].load(Ordering::Relaxed),
        percentile(50.0),
        percentile(95.0),
        percentile(99.0),
        percentile(100.0),
    );
    line.print();
    patch::report();
}
