//! The frame of `dlvsym`.

/// `lookup_frame!(choose)`, the body of a naked function of three arguments: calls `choose` with
/// them, and goes to the function that this returns, with the same. That one sees the same
/// caller, by which the loader tells what comes next.
macro_rules! lookup_frame {
    ($choose:path) => {
        core::arch::naked_asm!(
            ".cfi_startproc",
            "push rdi",
            ".cfi_adjust_cfa_offset 8",
            "push rsi",
            ".cfi_adjust_cfa_offset 8",
            "push rdx",
            ".cfi_adjust_cfa_offset 8",
            "call {choose}",
            "pop rdx",
            ".cfi_adjust_cfa_offset -8",
            "pop rsi",
            ".cfi_adjust_cfa_offset -8",
            "pop rdi",
            ".cfi_adjust_cfa_offset -8",
            "jmp rax",
            ".cfi_endproc",
            choose = sym $choose,
        )
    };
}
pub(crate) use lookup_frame;
