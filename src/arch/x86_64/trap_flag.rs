//! The trap flag, by which the processor stops after each instruction: single steps.

use core::arch::asm;

/// The flag (Intel SDM, volume 1, 3.4.3.3).
pub const TRAP: u64 = 1 << 8;

/// The caller's next instruction but one is a step.
pub fn set() {
    // SAFETY: changes no flag but that one, and the stack not below where the compiler has it.
    unsafe {
        asm!("pushfq", "or qword ptr [rsp], {}", "popfq", const TRAP);
    }
}
