//! Signals that are discarded for all threads at once (sigaction(2), `SIG_IGN`): each has eras,
//! and what came in an earlier one is forgotten by whoever finds it.

use core::sync::atomic::{AtomicU32, Ordering};

use crate::sys::sigmask::HIGHEST;

/// How often each signal has been discarded. A forked child counts on.
static ERAS: [AtomicU32; HIGHEST as usize + 1] =
    [const { AtomicU32::new(0) }; HIGHEST as usize + 1];
/// The sum of them. A forked child counts on.
static SUM: AtomicU32 = AtomicU32::new(0);

/// Discards `signal` wherever it waits.
pub fn discard(signal: i32) {
    ERAS[signal as usize].fetch_add(1, Ordering::Relaxed);
    // Release: who sees that there was one sees of what.
    SUM.fetch_add(1, Ordering::Release);
}

/// The era of `signal`, from 0 on.
pub(super) fn era(signal: i32) -> u32 {
    ERAS[signal as usize].load(Ordering::Relaxed)
}

/// How often anything has been discarded. Eras are read afterwards.
pub(super) fn sum() -> u32 {
    SUM.load(Ordering::Acquire)
}
