//! Counts of what the scheduler does, where they are [asked for](super::summary).

use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use crate::arch::cycles;
use crate::settings::MAX_SLOTS;
use crate::sys::clock;
use crate::sys::in_child::in_child;
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

/// Begins to count. False if that has begun.
pub(super) fn begin_once() -> bool {
    let is_first = !IS_ON.swap(true, Ordering::Relaxed);
    if is_first {
        begin();
    }
    is_first
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

/// What was counted so far.
pub(super) struct Totals {
    waits: [u64; BUCKETS],
    /// Since counting began, in nanoseconds and in cycles.
    nanos: u64,
    cycles: u64,
    /// Slots that were taken from threads that computed, and from such as slept in the kernel.
    pub(super) handed_on: [u32; 2],
}

/// See [`Totals`].
pub(super) fn totals() -> Totals {
    let mut waits = [0u64; BUCKETS];
    for slot in &WAITS {
        for (sum, count) in waits.iter_mut().zip(slot) {
            *sum += u64::from(count.load(Ordering::Relaxed));
        }
    }
    Totals {
        waits,
        nanos: clock::now() - BEGAN[0].load(Ordering::Relaxed),
        cycles: cycles::now() - BEGAN[1].load(Ordering::Relaxed),
        handed_on: [0, 1].map(|index: usize| HANDED_ON[index].load(Ordering::Relaxed)),
    }
}

impl Totals {
    /// The upper bound of the bucket that holds this part of the waits of runnable threads, in
    /// microseconds.
    pub(super) fn percentile(&self, percent: f64) -> f64 {
        let total: u64 = self.waits.iter().sum();
        let mut left = (total as f64 * percent / 100.0).ceil() as u64;
        let bucket = self.waits.iter().position(|count| {
            left = left.saturating_sub(*count);
            left == 0
        });
        let bound = 1u64 << bucket.unwrap_or(0);
        bound as f64 * self.nanos as f64 / self.cycles.max(1) as f64 / 1000.0
    }
}
