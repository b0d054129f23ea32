//! Hints to the memory system.

use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

const LINE: usize = 64;

/// Asks for the cache lines of `bytes` bytes from `start` on. Never faults: what
/// does not exist is not fetched.
#[inline(always)]
pub fn fetch<T>(start: *const T, bytes: usize) {
    let mut at = start as usize & !(LINE - 1);
    let end = start as usize + bytes;
    while at < end {
        // SAFETY: a hint, whatever the address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(at as *const i8) };
        at += LINE;
    }
}
