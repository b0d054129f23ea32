//! The processor's cycle counter: cheaper than a clock, for short distances.

use core::arch::x86_64::_rdtsc;

/// Now, in cycles of a constant rate; never 0.
#[inline(always)]
pub fn now() -> u64 {
    // SAFETY: reads a counter that every x86-64 processor has; Linux lets programs read it
    // unless they ask it not to (prctl(2), PR_SET_TSC).
    unsafe { _rdtsc() | 1 }
}
