//! "Who am I?" in two instructions.

use core::mem;
use core::ptr;
use core::sync::atomic::{Ordering, compiler_fence};

use super::process::{self, Elsewhere};
use super::{Kind, Thread, deferred, upcalls};
use crate::arch::thread::{pointer, thread_block};

thread_block!("green_thread", Thread);

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

/// The green thread whose `pthread_t` is `id`. `None`: libc answers, for all others and for 0, which
/// names nobody.
///
/// # Safety
/// `id` is 0, or as for [`of_pthread`].
#[inline]
pub unsafe fn green_of_pthread(id: libc::pthread_t) -> Option<&'static Thread> {
    if id == 0 {
        return None;
    }
    // SAFETY: as the caller promises.
    let thread = unsafe { of_pthread(id) };
    (thread.kind() == Kind::Green).then_some(thread)
}

/// The thread pointer of `thread`, whoever made that.
#[inline]
pub(super) fn pointer_of(thread: &Thread) -> usize {
    ptr::from_ref(thread).addr().wrapping_sub(offset())
}

/// The one question that every hook asks first: is the caller a green thread
/// that may park? `None`: take the native way.
#[inline(always)]
pub fn green() -> Option<&'static Thread> {
    let me = current();
    (me.parks() && me.critical.get() == 0).then_some(me)
}

/// The calling thread, if it is green, wired or not: for what concerns its state
/// and does not park. A child that borrows it has a state of its own.
#[inline(always)]
pub fn green_or_wired() -> Option<&'static Thread> {
    let me = current();
    me.is_green().then_some(me)
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

    /// Leaves the section for the length of `act`: what may wait for the program's locks, or the loader's, parks there,
    /// and handlers run, one of which may fork. Not where a caller of the caller is in a section, too.
    #[inline]
    pub fn outside<R>(&mut self, act: impl FnOnce() -> R) -> Result<R, Elsewhere> {
        /// Enters again, however `act` ends.
        struct Back;
        impl Drop for Back {
            fn drop(&mut self) {
                mem::forget(Critical::enter());
            }
        }
        let process = process::this();
        drop(Self(self.0));
        let back = Back;
        let result = act();
        drop(back);
        if process::this() == process {
            Ok(result)
        } else {
            Err(Elsewhere)
        }
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
        debug_assert!(self.0.critical.get() > 0, "the end of no critical section");
        let depth = self.0.critical.get() - 1;
        self.0.critical.set(depth);
        if depth == 0 && (deferred::is_anybody() || self.0.pending.is_anything()) {
            (upcalls::get().catch_up)(self.0);
        }
    }
}
