//! "Who am I?" in two instructions.

use core::arch::{asm, global_asm};
use core::mem::size_of;
use core::sync::atomic::{Ordering, compiler_fence};

use super::{Kind, Thread};

// Rust has no stable way to ask for the initial-exec TLS model, and the
// default one calls `__tls_get_addr` at every access. libgreen is always loaded
// at program start, so its block is in static TLS and the model is allowed.
global_asm!(
    ".section .tbss.green_thread,\"awT\",@nobits",
    ".p2align 6",
    ".hidden green_thread",
    ".globl green_thread",
    ".type green_thread, @tls_object",
    ".size green_thread, {size}",
    "green_thread:",
    ".zero {size}",
    ".text",
    size = const size_of::<Thread>(),
);

/// Offset of the block from the thread pointer (negative, as an unsigned word).
#[inline(always)]
fn offset() -> usize {
    let offset: usize;
    // SAFETY: reads libgreen's own GOT entry, written by the loader.
    unsafe {
        asm!(
            "mov {0}, qword ptr [rip + green_thread@GOTTPOFF]",
            out(reg) offset,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    offset
}

/// The calling thread's pointer: the FS base, which is the TCB's address.
#[inline(always)]
pub fn pointer() -> usize {
    let pointer: usize;
    // SAFETY: the x86-64 ABI keeps the thread pointer itself at fs:0.
    unsafe {
        asm!("mov {0}, qword ptr fs:[0]", out(reg) pointer, options(pure, nomem, nostack, preserves_flags));
    }
    pointer
}

/// The calling thread's block.
///
/// The compiler may keep the answer across a switch, and that is right: the
/// thread pointer moves with the stack, so a function that was switched out
/// comes back as the same thread, on whatever worker.
#[inline(always)]
pub fn current() -> &'static Thread {
    // SAFETY: the block is in the static TLS of every thread and outlives every
    // use by the thread itself.
    unsafe { &*(pointer().wrapping_add(offset()) as *const Thread) }
}

/// The block of the thread whose `pthread_t` (its thread pointer) is `id`.
///
/// # Safety
/// `id` must be a thread that has not ended or, if it is green, ever was one.
#[inline]
pub unsafe fn of_pthread(id: libc::pthread_t) -> &'static Thread {
    // SAFETY: as the caller promises; the offset is the same in every thread.
    unsafe { &*((id as usize).wrapping_add(offset()) as *const Thread) }
}

/// The one question that every hook asks first: is the caller a green thread
/// that may park? `None`: take the native way.
#[inline(always)]
pub fn green() -> Option<&'static Thread> {
    let me = current();
    (me.kind.get() == Kind::Green && !me.wired.get() && me.critical.get() == 0).then_some(me)
}

/// The calling thread, if it is green, wired or not: for what concerns its state
/// and does not park.
#[inline(always)]
pub fn green_or_wired() -> Option<&'static Thread> {
    let me = current();
    (me.kind.get() == Kind::Green).then_some(me)
}

/// A stretch of runtime code: a signal that arrives in it is handled at its end.
pub struct Critical(&'static Thread);

impl Critical {
    /// Enters.
    #[inline(always)]
    pub fn enter() -> Self {
        let me = current();
        me.critical.set(me.critical.get() + 1);
        // A handler on this very thread must see the depth before what follows.
        compiler_fence(Ordering::SeqCst);
        Self(me)
    }

    /// The section that `me`, the caller, is in already.
    pub(super) fn adopt(me: &'static Thread) -> Self {
        Self(me)
    }
}

impl Drop for Critical {
    #[inline(always)]
    fn drop(&mut self) {
        compiler_fence(Ordering::SeqCst);
        let depth = self.0.critical.get() - 1;
        self.0.critical.set(depth);
        if depth == 0
            && (crate::signal::is_deferred() || self.0.pending.load(Ordering::Relaxed) != 0)
        {
            crate::signal::catch_up(self.0);
        }
    }
}
