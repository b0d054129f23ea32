//! The pace at which threads run, as the monitor has last found it.
//!
//! What pays depends on how long a thread runs at a time. A look at the hub costs a quarter
//! of a microsecond, a call of a sleeping worker a few, and some tens until that runs: after
//! every thread that runs for a millisecond both are nothing, after every echoed message
//! they would be half of the work.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// A busy worker glances at the hub about so often, in nanoseconds.
const GLANCE: u64 = 200_000;
/// And at least once in so many dispatches: they may have become longer since the monitor's last
/// look.
const MOST_DISPATCHES: u64 = 256;
/// So many until the monitor knows how long they are.
const FIRST_DISPATCHES: u32 = 32;
/// In how many cycles until the monitor knows how often it is.
const FIRST_INTERVAL: u64 = 20_000;
/// What it takes until a called worker runs something, in nanoseconds.
const CALL: u64 = 25_000;
/// However short the dispatches, so many threads are worth a call.
const MOST_QUEUED: u64 = 16;

/// One less than the number of dispatches between two glances, a power of two. A forked child goes
/// on from there.
static GLANCE_MASK: AtomicU32 = AtomicU32::new(FIRST_DISPATCHES - 1);
/// How many threads have to wait at a slot to be worth a call. A forked child goes on from there.
static WORTH_A_CALL: AtomicU32 = AtomicU32::new(2);
/// In how many cycles a slot begins to run a thread, on average. A forked child goes on from there.
static INTERVAL: AtomicU64 = AtomicU64::new(FIRST_INTERVAL);

/// Whether it is time to glance at the hub after `ticks` looks for a thread to run, where `queued`
/// wait for their turn.
///
/// Whom a glance finds has to wait for these anyway. So half of them are to run first: what is
/// ready stays with the kernel, which keeps the order for all slots alike, and who is taken from
/// there is still in the cache when he runs. (The monitor looks if nobody else does.)
#[inline(always)]
pub fn is_time_to_glance(ticks: u32, queued: u32) -> bool {
    // One less than a power of two from a quarter of `queued` to a half.
    let half = (u32::MAX >> 1)
        .checked_shr(queued.leading_zeros() + 1)
        .unwrap_or(0);
    ticks & (GLANCE_MASK.load(Ordering::Relaxed) | half) == 0
}

/// Whether `queued` threads at the slot of a worker that is about to run them are worth the
/// call of another worker.
#[inline(always)]
pub fn is_worth_a_call(queued: u32) -> bool {
    queued >= WORTH_A_CALL.load(Ordering::Relaxed)
}

/// In how many cycles a slot begins to run a thread, on average.
pub fn interval() -> u64 {
    INTERVAL.load(Ordering::Relaxed)
}

/// How long one takes, in the unit of `elapsed`, where `slots` slots have made `count` in `elapsed`.
fn duration(elapsed: u64, slots: u32, count: u64) -> u64 {
    elapsed * u64::from(slots) / count.max(1)
}

/// Notes that `slots` slots have looked for a thread to run `looks` times in `elapsed`
/// nanoseconds, which were `cycles` cycles, and found one `dispatches` times. Each look counts for when to glance: a thread
/// that yields beside nobody finds none, and may do so for ever.
pub fn note(elapsed: u64, cycles: u64, slots: u32, looks: u64, dispatches: u64) {
    let between = GLANCE / duration(elapsed, slots, looks).max(1);
    // The power of two at or below.
    let mask = (1u32 << between.clamp(1, MOST_DISPATCHES).ilog2()) - 1;
    GLANCE_MASK.store(mask, Ordering::Relaxed);
    let worth = CALL / duration(elapsed, slots, dispatches).max(1);
    INTERVAL.store(duration(cycles, slots, dispatches), Ordering::Relaxed);
    WORTH_A_CALL.store(worth.clamp(1, MOST_QUEUED) as u32, Ordering::Relaxed);
}
