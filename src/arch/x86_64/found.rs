//! Functions that are found when they are first called.

/// `found_function!(name, addresses[index], find)`: a function of up to three arguments that this
/// library's own code finds by that name, and nobody else. It goes on as the one whose address is
/// `addresses[index]`, an `AtomicUsize`, or, as long as that is 0, as the one whose address `find(index)`
/// returns, as if that had been called instead: an unwinder begins with the frame of its caller.
macro_rules! found_function {
    ($name:literal, $addresses:ident [ $index:expr ], $find:path) => {
        core::arch::global_asm!(
            ".text",
            concat!(".hidden ", $name),
            concat!(".globl ", $name),
            concat!(".type ", $name, ", @function"),
            concat!($name, ":"),
            ".cfi_startproc",
            "mov r11, [rip + {addresses} + 8 * {index}]",
            "test r11, r11",
            "jz 2f",
            "jmp r11",
            "2:",
            "push rdi",
            "push rsi",
            "push rdx",
            ".cfi_adjust_cfa_offset 24",
            "mov edi, {index}",
            "call {find}",
            "pop rdx",
            "pop rsi",
            "pop rdi",
            ".cfi_adjust_cfa_offset -24",
            "jmp rax",
            ".cfi_endproc",
            concat!(".size ", $name, ", . - ", $name),
            addresses = sym $addresses,
            find = sym $find,
            index = const $index,
        );
    };
}
pub(crate) use found_function;
