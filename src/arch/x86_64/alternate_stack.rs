//! What alternate signal stacks need of the processor.

use core::arch::asm;

/// `sigaltstack(stack, NULL)`, with the stack pointer at `scratch` for as long as the kernel
/// looks at it.
///
/// # Safety
/// The 64 bytes below `scratch` are free.
pub unsafe fn sigaltstack_from(scratch: usize, stack: &libc::stack_t) {
    // SAFETY: as the caller promises; the stack pointer is back before anybody uses it.
    unsafe {
        asm!(
            "xchg rsp, {elsewhere}",
            "syscall",
            "mov rsp, {elsewhere}",
            elsewhere = inout(reg) scratch => _,
            inlateout("rax") libc::SYS_sigaltstack => _,
            in("rdi") core::ptr::from_ref(stack),
            in("rsi") 0usize,
            out("rcx") _,
            out("r11") _,
        );
    }
}

/// Ends the process by a SIGSEGV, where that is blocked or has no handler.
pub fn fault() -> ! {
    // SAFETY: does not come back.
    unsafe { asm!("mov qword ptr [0], 0", "ud2", options(noreturn)) }
}
