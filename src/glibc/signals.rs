//! Signals that glibc keeps for itself (sysdeps/unix/sysv/linux/internal-signals.h, all
//! versions since 2.4).

use core::ffi::{CStr, c_char};

use crate::sys::sigmask::bit;

/// Interrupts a thread that is being cancelled. In a thread's set of pending signals it
/// stands for a cancellation request.
pub const SIGCANCEL: i32 = 32;
/// Has a thread change its credentials. In a thread's set of pending signals it stands for
/// another request: that it changes its scheduling.
pub const SIGSETXID: i32 = 33;

/// What nobody can block: `SIGKILL`, `SIGSTOP`, and the signals of glibc's own.
pub const UNBLOCKABLE: u64 =
    bit(libc::SIGKILL) | bit(libc::SIGSTOP) | bit(SIGCANCEL) | bit(SIGSETXID);

unsafe extern "C" {
    safe fn gnu_get_libc_version() -> *const c_char;
}

/// Whether glibc knows its cancellation points by their addresses, since 2.41: then it sends `SIGCANCEL` to all
/// who have not disabled cancellation.
#[cold]
pub fn are_points_addresses() -> bool {
    // SAFETY: a constant string, "2.41".
    let version = unsafe { CStr::from_ptr(gnu_get_libc_version()) }.to_bytes();
    let minor = version.iter().skip_while(|byte| **byte != b'.').skip(1);
    minor
        .take_while(|byte| byte.is_ascii_digit())
        .fold(0, |number, digit| 10 * number + u32::from(digit - b'0'))
        >= 41
}
