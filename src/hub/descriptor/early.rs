//! Descriptors from before the first green thread, when there is no table yet: which
//! of them hooked calls have made, and nobody shares.

use core::sync::atomic::{AtomicU64, Ordering};

/// Numbers beyond these count as shared, which is never wrong.
const NUMBERS: usize = 1024;

static PRIVATE: [AtomicU64; NUMBERS / 64] = [const { AtomicU64::new(0) }; NUMBERS / 64];

fn place(fd: i32) -> Option<(&'static AtomicU64, u64)> {
    let fd = usize::try_from(fd).ok()?;
    Some((PRIVATE.get(fd / 64)?, 1 << (fd % 64)))
}

/// A hooked call has returned `fd`, or -1.
pub fn made(fd: i32) {
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

/// All are shared from here on, or no more.
pub fn forget_all() {
    for word in &PRIVATE {
        word.store(0, Ordering::Relaxed);
    }
}

/// Whether `fd` is known to be nobody else's.
pub fn is_private(fd: i32) -> bool {
    place(fd).is_some_and(|(word, bit)| word.load(Ordering::Relaxed) & bit != 0)
}
