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

/// A word to wait on beside others: the kernel's `struct futex_waitv` (<linux/futex.h>).
#[derive(Clone, Copy, Default)]
#[repr(C)]
pub struct Waited {
    /// What it is expected to hold.
    pub expected: u64,
    /// Where it is.
    pub address: u64,
    /// Its size, and whether processes share it.
    pub flags: u32,
    /// 0.
    pub reserved: u32,
}

impl Waited {
    /// The most that can be waited on at once (`FUTEX_WAITV_MAX`).
    pub const MOST: usize = 128;

    /// The flags of a word that [`wake`] wakes for.
    pub const PRIVATE: u32 = libc::FUTEX_PRIVATE_FLAG as u32 | Self::SHARED;
    /// Of one of that size, 32 bits, that processes share.
    const SHARED: u32 = 2;

    /// A word that [`wake`] wakes for.
    pub fn private(word: &AtomicU32, expected: u32) -> Self {
        Self {
            flags: Self::PRIVATE,
            ..Self::ended(word, expected)
        }
    }

    /// One that the kernel clears at the end of a kernel thread: it wakes as for one that processes share.
    pub fn ended(word: &AtomicU32, expected: u32) -> Self {
        Self {
            expected: expected.into(),
            address: word.as_ptr() as u64,
            flags: Self::SHARED,
            reserved: 0,
        }
    }
}

/// As [`wait`], while each of the words holds what is expected. False where the kernel cannot do that
/// (before Linux 5.16), or a filter of system calls says so.
pub fn wait_for_any(words: &[Waited]) -> bool {
    // SAFETY: live for the length of the call; the kernel copes with words that are not there.
    let result = unsafe { syscall!(SYS_futex_waitv, words.as_ptr(), words.len(), 0, 0usize, 0) };
    // One of the words holds something else, or a signal has come.
    let is_over = [libc::EAGAIN, libc::EINTR].contains(&(-result as i32));
    result >= 0 || is_over
}
