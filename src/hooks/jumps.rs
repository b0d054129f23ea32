//! `longjmp` and its other names: a jump may bring a saved signal mask back, and leave
//! handlers for good.
//!
//! Jumps that save no mask are exceptions in some languages and switches of coroutines
//! in others: they cost a few instructions more than libc's.

use core::ffi::{c_int, c_void};

use super::symbol::alias;
use crate::arch::jump_buffer::JumpBuffer;
use crate::glibc::real::real;
use crate::hub::descriptor::holds;
use crate::signal::{mask, stack};
use crate::task::{Kind, Thread, current};

type Jump = unsafe extern "C-unwind" fn(*mut c_void, c_int) -> !;

fn real_longjmp() -> Jump {
    real!(siglongjmp: Jump)
}

fn real_longjmp_chk() -> Jump {
    real!(__longjmp_chk: Jump)
}

/// Looks libc's functions up: in a handler it is too late for that.
pub fn resolve() {
    real_longjmp();
    real_longjmp_chk();
}

/// Before a jump of `me`, the caller, to `buffer`.
#[cold]
fn prepare(me: &'static Thread, buffer: &JumpBuffer) {
    if me.holds.are_any() {
        holds::jump(me, buffer.stack_pointer());
    }
    if buffer.mask_was_saved != 0 {
        mask::jump(me, buffer.mask);
    }
    stack::jump(me, buffer.stack_pointer());
}

/// # Safety
/// As for `siglongjmp`.
#[inline(always)]
unsafe fn jump(real: Jump, buffer: *mut c_void, value: c_int) -> ! {
    // SAFETY: as the caller promises.
    let target = unsafe { &*buffer.cast::<JumpBuffer>() };
    let me = current();
    let is_special = target.mask_was_saved != 0 || me.is_pinned() || me.holds.are_any();
    if me.is_green() {
        if is_special {
            prepare(me, target);
        }
    } else if me.kind() == Kind::Foreign && me.suspended_mask.get().is_some() {
        // Out of a handler that is the kernel's still, and of the call that it has interrupted.
        me.suspended_mask.set(None);
    }
    // SAFETY: as the caller promises.
    unsafe { real(buffer, value) }
}

/// `siglongjmp(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn siglongjmp(buffer: *mut c_void, value: c_int) -> ! {
    // SAFETY: as the caller promises.
    unsafe { jump(real_longjmp(), buffer, value) }
}

/// `longjmp(3)`, in glibc the same function.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn longjmp(buffer: *mut c_void, value: c_int) -> ! {
    // SAFETY: as the caller promises.
    unsafe { jump(real_longjmp(), buffer, value) }
}

alias!(_longjmp = longjmp);

/// `longjmp` of programs that were compiled with `_FORTIFY_SOURCE`: refuses jumps
/// to deeper frames, unless off the alternate stack. For that it asks the kernel,
/// which knows nothing of a green thread's.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn __longjmp_chk(buffer: *mut c_void, value: c_int) -> ! {
    let real = if stack::is_in_use(current()) {
        real_longjmp()
    } else {
        real_longjmp_chk()
    };
    // SAFETY: as the caller promises.
    unsafe { jump(real, buffer, value) }
}
