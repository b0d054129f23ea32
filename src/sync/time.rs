//! Absolute time-outs, as the pthread functions take them.

use libc::{clockid_t, timespec};

use crate::sys::clock::{self, Instant};

/// The deadline at `time` of `clock`; `EINVAL` if there is no such time.
///
/// # Safety
/// `time` points to a `timespec`.
pub unsafe fn deadline(clock: clockid_t, time: *const timespec) -> Result<Instant, i32> {
    // SAFETY: as the caller promises.
    let time = unsafe { &*time };
    if !clock::is_valid(time) {
        return Err(libc::EINVAL);
    }
    Ok(clock::deadline(clock, time))
}

/// Whether a lock can be waited for on `clock`.
pub fn is_supported(clock: clockid_t) -> bool {
    matches!(clock, libc::CLOCK_REALTIME | libc::CLOCK_MONOTONIC)
}
