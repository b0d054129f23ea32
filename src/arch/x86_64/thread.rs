//! The thread pointer: the FS base, which is the TCB's address.

use core::arch::asm;
use core::sync::atomic::{AtomicBool, Ordering};

use super::system_call::syscall6;

/// The calling thread's.
#[inline(always)]
pub fn pointer() -> usize {
    let pointer: usize;
    // SAFETY: the x86-64 ABI keeps the thread pointer itself at fs:0.
    unsafe {
        asm!("mov {0}, qword ptr fs:[0]", out(reg) pointer, options(pure, nomem, nostack, preserves_flags));
    }
    pointer
}

/// Whether `wrfsbase` may be used (`AT_HWCAP2` bit 1, Linux 5.9). A forked child keeps it: it is
/// the same machine.
static FSGSBASE: AtomicBool = AtomicBool::new(false);

/// Finds out what the CPU and the kernel allow. Before the first [`set_pointer`].
pub fn init() {
    const HWCAP2_FSGSBASE: u64 = 1 << 1;
    // SAFETY: getauxval only reads.
    let capabilities = unsafe { libc::getauxval(libc::AT_HWCAP2) };
    FSGSBASE.store(capabilities & HWCAP2_FSGSBASE != 0, Ordering::Relaxed);
}

/// Makes `pointer` the thread pointer.
///
/// # Safety
/// `pointer` is the TCB of the thread whose stack is in use, or of another as long as
/// nothing else sees it.
#[inline(always)]
pub unsafe fn set_pointer(pointer: usize) {
    if FSGSBASE.load(Ordering::Relaxed) {
        // SAFETY: allowed, see FSGSBASE; the pointer is a TCB.
        unsafe { asm!("wrfsbase {}", in(reg) pointer, options(nostack, preserves_flags)) };
    } else {
        const ARCH_SET_FS: usize = 0x1002;
        // SAFETY: as above.
        unsafe { syscall6(libc::SYS_arch_prctl, ARCH_SET_FS, pointer, 0, 0, 0, 0) };
    }
}

/// The word of 32 bits that lies `offset` bytes from the calling thread's pointer.
///
/// # Safety
/// There is one.
#[inline(always)]
pub unsafe fn word_at(offset: usize) -> u32 {
    let word: u32;
    // SAFETY: as the caller promises.
    unsafe {
        asm!(
            "mov {word:e}, fs:[{offset}]",
            word = lateout(reg) word,
            offset = in(reg) offset,
            options(nostack, readonly, preserves_flags),
        );
    }
    word
}

/// The calling function's stack pointer.
#[inline(always)]
pub fn stack_pointer() -> usize {
    let here: usize;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, rsp", out(reg) here, options(nomem, nostack, preserves_flags)) };
    here
}

/// `thread_block!(symbol, type)`: room for a value of that type, all zeros at first, in
/// each thread's static TLS, and the function `offset`, which says where: the bytes from
/// the thread pointer (negative, as an unsigned word).
///
/// Rust has no stable way to ask for the initial-exec TLS model, and the default one calls
/// `__tls_get_addr` at every access. libgreen is always loaded at program start, so its
/// block is in static TLS and the model is allowed.
macro_rules! thread_block {
    ($symbol:literal, $type:ty) => {
        core::arch::global_asm!(
            concat!(".section .tbss.", $symbol, ",\"awT\",@nobits"),
            ".p2align 6",
            concat!(".hidden ", $symbol),
            concat!(".globl ", $symbol),
            concat!(".type ", $symbol, ", @tls_object"),
            concat!(".size ", $symbol, ", {size}"),
            concat!($symbol, ":"),
            ".zero {size}",
            ".text",
            size = const size_of::<$type>(),
        );

        /// Offset of the block from the thread pointer.
        #[inline(always)]
        fn offset() -> usize {
            let offset: usize;
            // SAFETY: reads libgreen's own GOT entry, written by the loader.
            unsafe {
                core::arch::asm!(
                    concat!("mov {0}, qword ptr [rip + ", $symbol, "@GOTTPOFF]"),
                    out(reg) offset,
                    options(pure, nomem, nostack, preserves_flags),
                );
            }
            offset
        }
    };
}
pub(crate) use thread_block;
