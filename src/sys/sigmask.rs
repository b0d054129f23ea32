//! The signal mask of the calling kernel thread: the kernel's 64 signals, bit `n - 1`
//! for signal `n`.

use super::raw::syscall;

/// The highest signal.
pub const HIGHEST: i32 = 64;

/// The signal's bit in a mask.
#[inline(always)]
pub const fn bit(signal: i32) -> u64 {
    1 << (signal - 1)
}

/// What a thread's own instructions raise (signal(7)): the kernel ends the process where it is blocked.
pub const SYNCHRONOUS: u64 = bit(libc::SIGSEGV)
    | bit(libc::SIGBUS)
    | bit(libc::SIGFPE)
    | bit(libc::SIGILL)
    | bit(libc::SIGTRAP)
    | bit(libc::SIGSYS);

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

/// Replaces the mask; the one before.
pub fn replace(mask: u64) -> u64 {
    let mut before = 0u64;
    // SAFETY: both are live for the call.
    unsafe {
        syscall!(
            SYS_rt_sigprocmask,
            libc::SIG_SETMASK,
            &raw const mask,
            &raw mut before,
            8
        )
    };
    before
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

/// Takes `signals` out of the mask.
pub fn unblock(signals: u64) {
    // SAFETY: `signals` is live for the call.
    unsafe {
        syscall!(
            SYS_rt_sigprocmask,
            libc::SIG_UNBLOCK,
            &raw const signals,
            0usize,
            8
        )
    };
}
