//! Where a green thread's stack begins, and where forced unwinding ends.

use core::arch::global_asm;
use core::ffi::c_void;

/// How a protected call came back.
#[repr(C)]
pub struct Outcome {
    /// What the function returned; meaningless if it was unwound.
    pub result: *mut c_void,
    /// 1 if `pthread_exit` or a cancellation unwound the function, else 0.
    pub unwound: usize,
}

/// `thread_entry!(main)`: the function `entry`, the
/// [`ContextFn`](context::context::ContextFn) of green threads: marks the outermost frame
/// for unwinders and debuggers, and calls `main`.
macro_rules! thread_entry {
    ($main:path) => {
        unsafe extern "C" {
            #[link_name = "green_thread_entry"]
            safe fn entry(transfer: context::context::Transfer) -> !;
        }

        core::arch::global_asm!(
            ".text",
            ".hidden green_thread_entry",
            ".globl green_thread_entry",
            ".type green_thread_entry, @function",
            "green_thread_entry:",
            ".cfi_startproc",
            // Nobody called this.
            ".cfi_undefined rip",
            "xor ebp, ebp",
            "and rsp, -16",
            "call {main}",
            "ud2",
            ".cfi_endproc",
            ".size green_thread_entry, . - green_thread_entry",
            main = sym $main,
        );
    };
}
pub(crate) use thread_entry;

unsafe extern "C-unwind" {
    /// Calls `function(a, b, c)`. `pthread_exit` and cancellation, which unwind
    /// the stack, end here: glibc unwinds up to the innermost cleanup buffer
    /// that is registered and then jumps into it (glibc, nptl/unwind.c).
    #[link_name = "green_protected_call"]
    pub fn protected_call(function: *const c_void, a: usize, b: usize, c: usize) -> Outcome;
}

// The cleanup buffer is glibc's __pthread_unwind_buf_t: a jmp_buf of 72 bytes
// and four words that are glibc's own.
global_asm!(
    ".text",
    ".hidden green_protected_call",
    ".globl green_protected_call",
    ".type green_protected_call, @function",
    "green_protected_call:",
    ".cfi_startproc",
    "push rbp",
    ".cfi_def_cfa_offset 16",
    ".cfi_offset rbp, -16",
    "mov rbp, rsp",
    ".cfi_def_cfa_register rbp",
    "push rbx",
    "push r12",
    "push r13",
    "push r14",
    ".cfi_offset rbx, -24",
    ".cfi_offset r12, -32",
    ".cfi_offset r13, -40",
    ".cfi_offset r14, -48",
    "sub rsp, 128",
    "mov rbx, rdi",
    "mov r12, rsi",
    "mov r13, rdx",
    "mov r14, rcx",
    "mov rdi, rsp",
    "xor esi, esi",
    "call __sigsetjmp@PLT",
    "test eax, eax",
    "jnz 2f",
    "mov rdi, rsp",
    "call __pthread_register_cancel@PLT",
    "mov rdi, r12",
    "mov rsi, r13",
    "mov rdx, r14",
    "call rbx",
    "mov rbx, rax",
    "xor r12d, r12d",
    "jmp 3f",
    "2:",
    "xor ebx, ebx",
    "mov r12d, 1",
    "3:",
    "mov rdi, rsp",
    "call __pthread_unregister_cancel@PLT",
    "mov rax, rbx",
    "mov rdx, r12",
    "lea rsp, [rbp - 32]",
    "pop r14",
    "pop r13",
    "pop r12",
    "pop rbx",
    "pop rbp",
    ".cfi_def_cfa rsp, 8",
    "ret",
    ".cfi_endproc",
    ".size green_protected_call, . - green_protected_call",
);
