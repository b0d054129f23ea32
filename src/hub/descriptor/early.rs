//! Descriptors from before the first green thread, when there is no table yet: which
//! of them hooked calls have made, and nobody shares.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::sharing::{self, Moment};

/// Numbers beyond these count as shared, which is never wrong.
const NUMBERS: usize = 1024;

/// In a forked child, which lives in a later moment, they mean nothing.
static PRIVATE: [AtomicU64; NUMBERS / 64] = [const { AtomicU64::new(0) }; NUMBERS / 64];

fn place(fd: i32) -> Option<(&'static AtomicU64, u64)> {
    let fd = usize::try_from(fd).ok()?;
    Some((PRIVATE.get(fd / 64)?, 1 << (fd % 64)))
}

/// The moment in which the bits were set: at another one they mean nothing. A forked child keeps
/// it.
static SINCE: AtomicU32 = AtomicU32::new(0);

/// A hooked call has returned `fd`, or -1, after `since`.
pub fn made(fd: i32, since: Moment) {
    if !since.lasts() {
        return;
    }
    if SINCE.swap(since.number(), Ordering::Relaxed) != since.number() {
        for word in &PRIVATE {
            word.store(0, Ordering::Relaxed);
        }
    }
    if let Some((word, bit)) = place(fd) {
        word.fetch_or(bit, Ordering::Relaxed);
    }
}

/// `fd` is shared from here on, or no more.
pub fn forget(fd: i32) {
    if let Some((word, bit)) = place(fd) {
        word.fetch_and(!bit, Ordering::Relaxed);
    }
}

/// So are the numbers from `first` to `last`.
pub fn forget_range(first: u32, last: u32) {
    for fd in first..(NUMBERS as u32).min(last.saturating_add(1)) {
        forget(fd as i32);
    }
}

/// Whether `fd` is known to be nobody else's.
pub fn is_private(fd: i32) -> bool {
    SINCE.load(Ordering::Relaxed) == sharing::now().number()
        && place(fd).is_some_and(|(word, bit)| word.load(Ordering::Relaxed) & bit != 0)
}
