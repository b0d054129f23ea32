//! Private futexes: how a *kernel* thread of this process sleeps and is woken.

use core::sync::atomic::AtomicU32;
use core::time::Duration;

use super::raw::syscall;

/// Sleeps while `word` holds `expected`. Returns 0 at a wake-up (or spuriously),
/// `-EINTR` or `-EAGAIN`: callers loop on their own condition.
pub fn wait(word: &AtomicU32, expected: u32) -> isize {
    // SAFETY: `word` is a live, aligned u32.
    unsafe {
        syscall!(
            SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG,
            expected,
            0usize
        )
    }
}

/// As [`wait`], for at most `limit`; then `-ETIMEDOUT`.
pub fn wait_for(word: &AtomicU32, expected: u32, limit: Duration) -> isize {
    let limit = libc::timespec {
        tv_sec: limit.as_secs() as libc::time_t,
        tv_nsec: limit.subsec_nanos().into(),
    };
    // SAFETY: `word` and `limit` are live for the length of the call.
    unsafe {
        syscall!(
            SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG,
            expected,
            &raw const limit
        )
    }
}

/// Wakes at most `count` kernel threads that wait on the word at `address`.
/// The address is a key only: it is not read, and may have become invalid.
pub fn wake(address: *const u32, count: i32) -> isize {
    // SAFETY: FUTEX_WAKE never dereferences the address in user space.
    unsafe {
        syscall!(
            SYS_futex,
            address,
            libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG,
            count
        )
    }
}
