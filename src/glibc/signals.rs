//! Signals that glibc keeps for itself (sysdeps/unix/sysv/linux/internal-signals.h, all
//! versions since 2.4).

use core::ffi::CStr;
use core::sync::atomic::{AtomicU8, Ordering};

use crate::sys::sigmask::bit;
use crate::sys::version;

/// Interrupts a thread that is being cancelled. In a thread's set of pending signals it
/// stands for a cancellation request.
pub const SIGCANCEL: i32 = 32;
/// Has a thread change its credentials. In a thread's set of pending signals it stands for
/// another request: that it changes its scheduling.
pub const SIGSETXID: i32 = 33;

/// What nobody can block: `SIGKILL`, `SIGSTOP`, and the signals of glibc's own.
pub const UNBLOCKABLE: u64 =
    bit(libc::SIGKILL) | bit(libc::SIGSTOP) | bit(SIGCANCEL) | bit(SIGSETXID);

/// The answer of [`are_points_addresses`], once it is known. A forked child keeps it.
static POINTS: AtomicU8 = AtomicU8::new(UNKNOWN);
const UNKNOWN: u8 = 2;

/// Whether glibc knows its cancellation points by their addresses, since 2.41: then it sends `SIGCANCEL` to all
/// who have not disabled cancellation.
#[inline]
pub fn are_points_addresses() -> bool {
    match POINTS.load(Ordering::Relaxed) {
        UNKNOWN => look_at_version(),
        known => known != 0,
    }
}

#[cold]
fn look_at_version() -> bool {
    // SAFETY: a constant text.
    let text = unsafe { CStr::from_ptr(libc::gnu_get_libc_version()) }.to_bytes();
    let are_addresses = version::of(text) >= (2, 41);
    POINTS.store(u8::from(are_addresses), Ordering::Relaxed);
    are_addresses
}
