//! The frames of `setcontext` and its kin.
//!
//! libc's functions save the registers of whoever calls them. So a hook leaves its own
//! frame before it enters them, as if it had never been called.

/// `setcontext_frame!(real)`, the body of a naked function:
/// calls `real(context)`, which returns libc's function, and goes there.
macro_rules! setcontext_frame {
    ($real:path) => {
        core::arch::naked_asm!(
            ".cfi_startproc",
            "push rdi",
            ".cfi_adjust_cfa_offset 8",
            "call {real}",
            "pop rdi",
            ".cfi_adjust_cfa_offset -8",
            "jmp rax",
            ".cfi_endproc",
            real = sym $real,
        )
    };
}
pub(crate) use setcontext_frame;

/// `swapcontext_frame!(real)`, the body of a naked function:
/// calls `real(old, new)`, which returns libc's function, and goes there.
macro_rules! swapcontext_frame {
    ($real:path) => {
        core::arch::naked_asm!(
            ".cfi_startproc",
            "push rdi",
            "push rsi",
            "sub rsp, 8",
            ".cfi_adjust_cfa_offset 24",
            "call {real}",
            "add rsp, 8",
            "pop rsi",
            "pop rdi",
            ".cfi_adjust_cfa_offset -24",
            "jmp rax",
            ".cfi_endproc",
            real = sym $real,
        )
    };
}
pub(crate) use swapcontext_frame;

/// `makecontext_frame!(real, made)`, the body of a naked function:
/// calls libc's function, which `real()` returns, with copies of all arguments; then
/// `made(context)`.
macro_rules! makecontext_frame {
    ($real:path, $made:path) => {
        core::arch::naked_asm!(
            ".cfi_startproc",
            "push rbp",
            ".cfi_def_cfa_offset 16",
            ".cfi_offset rbp, -16",
            "mov rbp, rsp",
            ".cfi_def_cfa_register rbp",
            "push rdi",
            "push rsi",
            "push rdx",
            "push rcx",
            "push r8",
            "push r9",
            "call {real}",
            "mov r11, rax",
            "pop r9",
            "pop r8",
            "pop rcx",
            "pop rdx",
            // What is left on the stack: the context and, for alignment, the function.
            "mov rsi, [rsp]",
            "mov rdi, [rsp + 8]",
            // Copies of the arguments that are on the stack, an even number of words.
            "movsxd r10, edx",
            "sub r10, 3",
            "jle 3f",
            "lea rax, [r10 + 1]",
            "and rax, -2",
            "shl rax, 3",
            "sub rsp, rax",
            "2:",
            "mov rax, [rbp + 8 + 8 * r10]",
            "mov [rsp + 8 * r10 - 8], rax",
            "dec r10",
            "jnz 2b",
            "3:",
            "xor eax, eax",
            "call r11",
            "mov rdi, [rbp - 8]",
            "call {made}",
            "leave",
            ".cfi_def_cfa rsp, 8",
            "ret",
            ".cfi_endproc",
            real = sym $real,
            made = sym $made,
        )
    };
}
pub(crate) use makecontext_frame;

/// `context_end!(enter, glibcs_end)`: the function `green_context_end`, for contexts to return
/// to instead of glibc's own, whose address `glibcs_end` holds: calls `enter(context)` with
/// the context to go on with, if there is one, first.
macro_rules! context_end {
    ($enter:path, $glibcs_end:path) => {
        unsafe extern "C" {
            fn green_context_end();
        }

        // glibc's own (__start_context) looks at the word at rbx: the context to go on with, or
        // null, and goes there without passing by our hook.
        core::arch::global_asm!(
            ".text",
            ".hidden green_context_end",
            ".globl green_context_end",
            ".type green_context_end, @function",
            "green_context_end:",
            ".cfi_startproc",
            ".cfi_undefined rip",
            "mov rsp, rbx",
            "and rsp, -16",
            "mov rdi, [rbx]",
            "test rdi, rdi",
            "jz 2f",
            "call {enter}",
            "2:",
            "jmp qword ptr [rip + {glibcs_end}]",
            ".cfi_endproc",
            ".size green_context_end, . - green_context_end",
            enter = sym $enter,
            glibcs_end = sym $glibcs_end,
        );
    };
}
pub(crate) use context_end;
