//! An alternate signal stack, as `sigaltstack(2)` and the kernel (kernel/signal.c) describe
//! it.

use core::ffi::c_void;

use crate::arch::alternate_stack::sigaltstack_from;
use crate::sys::raw::syscall;

/// `SS_AUTODISARM` (linux/signal.h), which the libc crate lacks.
pub const AUTODISARM: i32 = 1 << 31;
/// A mode that there is not: do_sigaltstack answers EINVAL, which rt_sigreturn ignores.
pub const REFUSED: i32 = 4;
/// The kernel's own `MINSIGSTKSZ`.
const SMALLEST: usize = 2048;

/// A thread's alternate stack.
#[derive(Clone, Copy)]
pub struct AltStack {
    pub(crate) base: usize,
    /// In bytes, 0 for none.
    pub(crate) size: usize,
    /// As the program has set them.
    pub(crate) flags: i32,
    /// Whether it is known to be what the program wants, since it has said so by libc's function:
    /// also that there be none.
    pub(crate) is_told: bool,
}

impl AltStack {
    /// What a new thread has.
    pub const NONE: Self = Self {
        base: 0,
        size: 0,
        flags: libc::SS_DISABLE,
        is_told: false,
    };

    /// What a thread has while a handler runs on a stack with `SS_AUTODISARM` (sas_ss_reset).
    pub const DISARMED: Self = Self {
        is_told: true,
        ..Self::NONE
    };

    /// Whether `address` is on the stack (__on_sig_stack).
    pub(crate) fn holds(&self, address: usize) -> bool {
        address > self.base && address - self.base <= self.size
    }

    /// Whether a thread with that stack pointer is to be taken for one that is on the
    /// stack (on_sig_stack).
    pub(crate) fn is_in_use(&self, stack_pointer: usize) -> bool {
        self.flags & AUTODISARM == 0 && self.holds(stack_pointer)
    }

    pub(crate) fn to_libc(self) -> libc::stack_t {
        libc::stack_t {
            ss_sp: self.base as *mut c_void,
            ss_flags: self.flags,
            ss_size: self.size,
        }
    }

    /// What `sigaltstack` reports to a thread with that stack pointer.
    pub(crate) fn report(self, stack_pointer: usize) -> libc::stack_t {
        let state = if self.size == 0 {
            libc::SS_DISABLE
        } else if self.is_in_use(stack_pointer) {
            libc::SS_ONSTACK
        } else {
            0
        };
        libc::stack_t {
            ss_flags: state | self.flags & AUTODISARM,
            ..self.to_libc()
        }
    }

    /// Takes `wanted` in its place, for a thread with that stack pointer, or says why not
    /// (do_sigaltstack).
    pub(crate) fn replaced(
        self,
        wanted: &libc::stack_t,
        stack_pointer: usize,
    ) -> Result<Self, i32> {
        if self.is_in_use(stack_pointer) {
            return Err(libc::EPERM);
        }
        match wanted.ss_flags & !AUTODISARM {
            libc::SS_DISABLE => Ok(Self {
                flags: wanted.ss_flags,
                is_told: true,
                ..Self::NONE
            }),
            0 | libc::SS_ONSTACK if wanted.ss_size < SMALLEST => Err(libc::ENOMEM),
            0 | libc::SS_ONSTACK => Ok(Self {
                base: wanted.ss_sp as usize,
                size: wanted.ss_size,
                flags: wanted.ss_flags,
                is_told: true,
            }),
            _ => Err(libc::EINVAL),
        }
    }

    /// That of the calling kernel thread.
    pub(crate) fn of_kernel_thread() -> Self {
        let mut stack = Self::NONE.to_libc();
        // SAFETY: `stack` is writable.
        unsafe { syscall!(SYS_sigaltstack, 0usize, &raw mut stack) };
        Self {
            base: stack.ss_sp as usize,
            size: stack.ss_size,
            flags: stack.ss_flags & !libc::SS_ONSTACK,
            is_told: false,
        }
    }

    /// Makes this the calling kernel thread's alternate stack, even if that is on another.
    ///
    /// # Safety
    /// Nothing runs on it, and the 64 bytes below `scratch` are free.
    unsafe fn install(self, scratch: usize) {
        let stack = self.to_libc();
        // SAFETY: as the caller promises. The kernel refuses a change to whoever is on
        // the present one, and goes by the stack pointer. A handler that comes in between
        // finds a stack that is one.
        unsafe { sigaltstack_from(scratch, &stack) };
    }
}

/// Room for a frame with all the state that this processor has, in bytes.
pub fn smallest_for_certain() -> usize {
    const AT_MINSIGSTKSZ: u64 = 51;
    // SAFETY: getauxval only reads.
    (unsafe { libc::getauxval(AT_MINSIGSTKSZ) } as usize).max(SMALLEST)
}

/// Has the kernel use the `size` bytes at `base` on the calling kernel thread.
pub fn offer(base: usize, size: usize) {
    let stack = AltStack {
        base,
        size,
        flags: 0,
        is_told: false,
    };
    // SAFETY: the worker's own stack, and nobody is on it, unless it is in use already.
    unsafe { stack.install(base + size) };
}
