//! A function that goes on as another one, which is chosen when it is called.

/// `chosen_frame!(choose)`, the body of a naked function of three arguments: calls `choose` with them and
/// the address that the caller goes on at, and goes to the function that it returns, as if that had been
/// called instead: who asks for its caller sees the caller.
macro_rules! chosen_frame {
    ($choose:path) => {
        core::arch::naked_asm!(
            ".cfi_startproc",
            "push rdi",
            "push rsi",
            "push rdx",
            ".cfi_adjust_cfa_offset 24",
            "mov rcx, [rsp + 24]",
            "call {choose}",
            "pop rdx",
            "pop rsi",
            "pop rdi",
            ".cfi_adjust_cfa_offset -24",
            "jmp rax",
            ".cfi_endproc",
            choose = sym $choose,
        )
    };
}
pub(crate) use chosen_frame;
