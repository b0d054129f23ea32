//! The instruction that enters the kernel.

use core::arch::{asm, global_asm};

/// Issues system call `number` and returns what the kernel returned: a result,
/// or `-errno` in `-4095..=-1`.
///
/// # Safety
/// The arguments must be valid for that system call.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
pub unsafe fn syscall6(
    number: i64,
    a: usize,
    b: usize,
    c: usize,
    d: usize,
    e: usize,
    f: usize,
) -> isize {
    let result: isize;
    // SAFETY: the x86-64 Linux convention: number and result in rax, arguments
    // in rdi, rsi, rdx, r10, r8, r9; the kernel clobbers rcx and r11 only.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number => result,
            in("rdi") a,
            in("rsi") b,
            in("rdx") c,
            in("r10") d,
            in("r8") e,
            in("r9") f,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    result
}

unsafe extern "C-unwind" {
    /// Issues system call `number`; the result, or `-errno`. Its caller may be cancelled in
    /// it, see [`crate::sys::text`]: it may be left by forced unwinding.
    #[link_name = "green_exposed_call"]
    pub fn exposed(
        a: usize,
        b: usize,
        c: usize,
        d: usize,
        e: usize,
        f: usize,
        number: i64,
    ) -> isize;
}

// The seventh argument lies above the return address.
global_asm!(
    ".section green_exposed,\"ax\",@progbits",
    ".hidden green_exposed_call",
    ".globl green_exposed_call",
    ".type green_exposed_call, @function",
    "green_exposed_call:",
    ".cfi_startproc",
    "mov rax, [rsp + 8]",
    "mov r10, rcx",
    "syscall",
    "ret",
    ".cfi_endproc",
    ".size green_exposed_call, . - green_exposed_call",
    ".hidden __start_green_exposed",
    ".hidden __stop_green_exposed",
    ".text",
);
