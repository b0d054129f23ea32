//! `futex_wake`, `futex_wait` and `futex_requeue`, the futex calls of Linux 6.7 (kernel/futex/syscalls.c),
//! which have no functions in libc: of private words the waiters are those of [`futex`].
//!
//! Whether the kernel has the calls, and takes the arguments, it is asked by calls that have nothing
//! to do. What it refuses is left to it, and so are words that processes share.

use core::sync::atomic::AtomicU32;

use libc::{clockid_t, timespec};

use super::{futex, time};
use crate::arch::system_call::syscall6;
use crate::sys::futex::Waited;
use crate::task::arguments;

/// <asm/unistd_64.h>; the libc crate lacks them.
pub const SYS_FUTEX_WAKE: i64 = 454;
/// See [`SYS_FUTEX_WAKE`].
pub const SYS_FUTEX_WAIT: i64 = 455;
/// See [`SYS_FUTEX_WAKE`].
pub const SYS_FUTEX_REQUEUE: i64 = 456;

/// Whether the kernel finds nothing wrong with a wake-up of such a word.
fn can_be_woken(word: usize, mask: usize, flags: u32) -> bool {
    const NOBODY: usize = 0;
    // SAFETY: wakes nobody.
    let result = unsafe { syscall6(SYS_FUTEX_WAKE, word, mask, NOBODY, flags as usize, 0, 0) };
    result == 0
}

/// `futex_wake`; `None` if it is the kernel's affair.
pub fn wake(word: usize, mask: usize, count: i32, flags: u32) -> Option<isize> {
    let is_ours = flags == Waited::PRIVATE && count != 0 && can_be_woken(word, mask, flags);
    is_ours.then(|| futex::wake_matching(word, count as u32, mask as u32))
}

/// `futex_wait` with these arguments; `None` if it is the kernel's affair.
///
/// # Safety
/// The arguments are valid for it, where they are not refused.
pub unsafe fn wait([word, value, mask, flags, limit, clock]: [usize; 6]) -> Option<isize> {
    let (flags, clock) = (flags as u32, clock as clockid_t);
    let value = u32::try_from(value).ok()?;
    let is_ours = flags == Waited::PRIVATE
        && can_be_woken(word, mask, flags)
        && arguments::is_readable_word(word as *const u32);
    if !is_ours {
        return None;
    }
    // SAFETY: as the caller promises.
    let deadline = unsafe { time::futex_deadline(clock, limit as *const timespec)? };
    // SAFETY: it is there, and aligned, or the kernel had refused to wake anybody.
    let word = unsafe { &*(word as *const AtomicU32) };
    // Limited or not, the kernel starts it again as it was called: the limit is a point in time.
    Some(futex::wait(word, value, mask as u32, deadline, false))
}

/// `futex_requeue`; `None` if it is the kernel's affair.
///
/// # Safety
/// As for [`wait`].
pub unsafe fn requeue(words: usize, flags: u32, limits: (i32, i32)) -> Option<isize> {
    let words = words as *const [Waited; 2];
    if !arguments::is_readable(words) {
        return None;
    }
    // SAFETY: just seen.
    let [from, to] = unsafe { words.read_unaligned() };
    let limits = (
        usize::try_from(limits.0).ok()?,
        usize::try_from(limits.1).ok()?,
    );
    let are_private = from.flags == Waited::PRIVATE && to.flags == Waited::PRIVATE;
    // SAFETY: wakes and moves nobody.
    let accepts =
        || unsafe { syscall6(SYS_FUTEX_REQUEUE, words.addr(), flags as usize, 0, 0, 0, 0) == 0 };
    if !are_private || !accepts() {
        return None;
    }
    let (from_address, to_address) = (from.address as usize, to.address as usize);
    // SAFETY: the kernel has just compared it.
    let word = unsafe { &*(from_address as *const AtomicU32) };
    let expected = Some((word, from.expected as u32));
    Some(futex::requeue(from_address, to_address, limits, expected))
}
