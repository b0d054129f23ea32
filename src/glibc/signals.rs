//! Signals that glibc keeps for itself (sysdeps/unix/sysv/linux/internal-signals.h, all
//! versions since 2.4).

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
