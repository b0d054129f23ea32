//! How floating-point operations round, and which exceptions trap: a thread begins with
//! what its creator had.

use core::arch::asm;

/// The control words of SSE and of the x87.
#[derive(Clone, Copy)]
pub struct Control {
    sse: u32,
    x87: u16,
}

impl Control {
    /// The caller's.
    pub fn read() -> Self {
        let mut control = Self { sse: 0, x87: 0 };
        // SAFETY: both write to live words.
        unsafe {
            asm!("stmxcsr [{}]", in(reg) &raw mut control.sse, options(nostack, preserves_flags));
            asm!("fnstcw [{}]", in(reg) &raw mut control.x87, options(nostack, preserves_flags));
        }
        control
    }

    /// Makes them the caller's.
    ///
    /// # Safety
    /// From [`read`](Self::read). No operation of the caller's counts on what was before.
    pub unsafe fn set(self) {
        // SAFETY: as the caller promises: words that the processor has written.
        unsafe {
            asm!("ldmxcsr [{}]", in(reg) &raw const self.sse, options(nostack, preserves_flags));
            asm!("fldcw [{}]", in(reg) &raw const self.x87, options(nostack, preserves_flags));
        }
    }
}
