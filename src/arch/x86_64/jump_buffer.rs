//! What `setjmp` saves.

use core::arch::asm;
use core::ffi::c_int;

/// The public part of glibc's `struct __jmp_buf_tag` (setjmp/bits/types).
#[repr(C)]
pub struct JumpBuffer {
    registers: [u64; 8],
    /// Whether `mask` is to be set.
    pub mask_was_saved: c_int,
    /// The signal mask to go back to.
    pub mask: u64,
}

impl JumpBuffer {
    /// Where the stack pointer was (PTR_DEMANGLE of sysdeps/unix/sysv/linux/x86_64).
    pub fn stack_pointer(&self) -> usize {
        const RSP: usize = 6;
        let mut pointer = self.registers[RSP];
        // SAFETY: reads the TCB's pointer guard.
        unsafe {
            asm!("ror {0}, 17", "xor {0}, fs:[0x30]", inout(reg) pointer, options(readonly, nostack));
        }
        pointer as usize
    }
}
