//! A function that goes by where it has been called.

/// `caller_frame!(function)`, the body of a naked function without arguments: goes to `function` with the
/// address that the caller goes on at.
macro_rules! caller_frame {
    ($function:path) => {
        core::arch::naked_asm!(
            ".cfi_startproc",
            "mov rdi, [rsp]",
            "jmp {function}",
            ".cfi_endproc",
            function = sym $function,
        )
    };
}
pub(crate) use caller_frame;
