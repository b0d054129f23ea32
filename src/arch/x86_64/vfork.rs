//! The frame of `vfork`.

/// `vfork_frame!(lend, back)`, the body of a naked function: calls `lend()`, makes the child,
/// and returns in it; in the parent goes to `back(lent, child)`.
///
/// The child runs on the caller's very stack and returns first: what the parent needs
/// afterwards, its return address included, is in registers, which the kernel keeps for
/// each.
macro_rules! vfork_frame {
    ($lend:path, $back:path) => {
        core::arch::naked_asm!(
            ".cfi_startproc",
            "sub rsp, 8",
            ".cfi_adjust_cfa_offset 8",
            "call {lend}",
            "add rsp, 8",
            ".cfi_adjust_cfa_offset -8",
            "mov rsi, rax",
            "pop rdi",
            ".cfi_adjust_cfa_offset -8",
            ".cfi_register rip, rdi",
            "mov eax, {vfork}",
            "syscall",
            "push rdi",
            ".cfi_adjust_cfa_offset 8",
            ".cfi_offset rip, -8",
            "test rax, rax",
            "jz 2f",
            "mov rdi, rsi",
            "mov rsi, rax",
            "jmp {back}",
            "2:",
            "ret",
            ".cfi_endproc",
            lend = sym $lend,
            back = sym $back,
            vfork = const libc::SYS_vfork,
        )
    };
}
pub(crate) use vfork_frame;

/// `jump!(function)`, the body of a naked function: goes to `function`.
macro_rules! jump {
    ($function:path) => {
        core::arch::naked_asm!("jmp {function}", function = sym $function)
    };
}
pub(crate) use jump;
