//! Absolute time-outs, as the pthread functions take them.

use libc::{clockid_t, timespec};

use crate::sys::clock::{self, Instant, NEVER};
use crate::task::arguments;

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

/// The deadline of a wait for a lock at `time` of `clock`; `None` if there is no such time, or no such wait
/// on that clock.
///
/// # Safety
/// `time` points to a `timespec`.
pub unsafe fn lock_deadline(clock: clockid_t, time: *const timespec) -> Option<Instant> {
    // SAFETY: as the caller promises.
    let deadline = unsafe { deadline(clock, time) };
    deadline.ok().filter(|_| is_supported(clock))
}

/// The deadline of one of the newer futex calls at `limit` of `clock`, never if that is null; `None` where the
/// kernel refuses it (kernel/futex/syscalls.c, futex2_setup_timeout).
///
/// # Safety
/// `limit` is, if not null or nowhere, for a `timespec`.
pub unsafe fn futex_deadline(clock: clockid_t, limit: *const timespec) -> Option<Instant> {
    if limit.is_null() {
        return Some(NEVER);
    }
    if !is_supported(clock) || !arguments::is_readable(limit) {
        return None;
    }
    // SAFETY: just seen.
    let limit = unsafe { limit.read_unaligned() };
    // SAFETY: a time.
    let deadline = unsafe { deadline(clock, &limit) };
    deadline.ok().filter(|_| limit.tv_sec >= 0)
}

/// Whether a lock can be waited for on `clock`.
pub fn is_supported(clock: clockid_t) -> bool {
    matches!(clock, libc::CLOCK_REALTIME | libc::CLOCK_MONOTONIC)
}
