//! The signal mask of the calling kernel thread: the kernel's 64 signals, bit `n - 1`
//! for signal `n`.

use super::raw::syscall;

/// The mask.
pub fn get() -> u64 {
    let mut mask = 0u64;
    // SAFETY: `mask` is writable.
    unsafe {
        syscall!(
            SYS_rt_sigprocmask,
            libc::SIG_BLOCK,
            0usize,
            &raw mut mask,
            8
        )
    };
    mask
}

/// Replaces the mask.
pub fn set(mask: u64) {
    // SAFETY: `mask` is live for the call.
    unsafe {
        syscall!(
            SYS_rt_sigprocmask,
            libc::SIG_SETMASK,
            &raw const mask,
            0usize,
            8
        )
    };
}
