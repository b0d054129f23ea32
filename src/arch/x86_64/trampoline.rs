//! Where the kernel enters handlers.

/// `signal_trampoline!(decide, run)`: the function `address`, which gives a handler for any
/// signal. It calls `decide(signal, frame, start)`, which says whether a handler of the
/// program's is to run, and fills `start` in; then `run(signal, frame, handler, flags,
/// mask)` on the frame that `start` names, which may be elsewhere.
///
/// The kernel's frame is where rsp points at entry, and its first word is the return
/// address. The handler's arguments come anew from the frame, which may have moved.
macro_rules! signal_trampoline {
    ($decide:path, $run:path) => {
        unsafe extern "C" {
            fn green_signal_trampoline();
        }

        /// The trampoline, as the handler of any signal.
        pub fn address() -> usize {
            green_signal_trampoline as *const () as usize
        }

        core::arch::global_asm!(
            ".text",
            ".hidden green_signal_trampoline",
            ".globl green_signal_trampoline",
            ".type green_signal_trampoline, @function",
            "green_signal_trampoline:",
            ".cfi_startproc",
            "lea rsi, [rsp]",
            "sub rsp, 56",
            ".cfi_def_cfa_offset 64",
            "mov [rsp + 40], edi",
            "mov rdx, rsp",
            "call {decide}",
            "test al, al",
            "jz 2f",
            "mov edi, [rsp + 40]",
            "mov rsi, [rsp]",
            "mov rdx, [rsp + 8]",
            "mov rcx, [rsp + 16]",
            "mov r8, [rsp + 24]",
            "mov rsp, rsi",
            ".cfi_def_cfa_offset 8",
            "jmp {run}",
            "2:",
            ".cfi_def_cfa_offset 64",
            "add rsp, 56",
            ".cfi_def_cfa_offset 8",
            "ret",
            ".cfi_endproc",
            ".size green_signal_trampoline, . - green_signal_trampoline",
            decide = sym $decide,
            run = sym $run,
        );
    };
}
pub(crate) use signal_trampoline;
