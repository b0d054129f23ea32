//! `setcontext` and its kin: contexts carry signal masks.
//!
//! libc's functions save the registers of whoever calls them. So a hook leaves its own
//! frame before it enters them, as if it had never been called.

use core::ffi::c_int;
use core::sync::atomic::{AtomicUsize, Ordering};

use libc::ucontext_t;

use super::symbol::check;
use crate::arch::contexts::{context_end, makecontext_frame, setcontext_frame, swapcontext_frame};
use crate::glibc::real::real;
use crate::hub::descriptor::holds;
use crate::signal::{mask, stack};
use crate::task::current;

/// glibc's code that a context's function returns to, once it is known. A forked child keeps it,
/// as it keeps libc.
static GLIBCS_END: AtomicUsize = AtomicUsize::new(0);

/// The calling thread is about to enter `context` and its mask.
extern "C" fn enter(context: &ucontext_t) {
    let me = current();
    if me.is_green() {
        // SAFETY: a sigset_t begins with the kernel's 64 signals.
        mask::announce(me, unsafe {
            (&raw const context.uc_sigmask).cast::<u64>().read()
        });
    }
}

extern "C" fn real_setcontext(context: &ucontext_t) -> *const () {
    enter(context);
    let me = current();
    let target = context.uc_mcontext.gregs[libc::REG_RSP as usize] as usize;
    stack::jump(me, target);
    if me.holds.are_any() {
        holds::jump(me, target);
    }
    real!(setcontext: unsafe extern "C" fn(*const ucontext_t) -> c_int) as *const ()
}

extern "C" fn real_swapcontext(_: *mut ucontext_t, context: &ucontext_t) -> *const () {
    enter(context);
    real!(swapcontext: unsafe extern "C" fn(*mut ucontext_t, *const ucontext_t) -> c_int)
        as *const ()
}

extern "C" fn real_makecontext() -> *const () {
    real!(makecontext: unsafe extern "C" fn(*mut ucontext_t, extern "C" fn(), c_int, ...))
        as *const ()
}

/// `context` was made by makecontext: sees to it that what its function returns to is ours.
extern "C" fn made(context: &mut ucontext_t) {
    let stack = context.uc_mcontext.gregs[libc::REG_RSP as usize] as *mut usize;
    // SAFETY: makecontext has laid the return address there.
    unsafe {
        GLIBCS_END.store(stack.read(), Ordering::Relaxed);
        stack.write(green_context_end as *const () as usize);
    }
}

context_end!(enter, GLIBCS_END);

/// `setcontext(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
#[unsafe(naked)]
pub unsafe extern "C-unwind" fn setcontext(_: *const ucontext_t) -> c_int {
    setcontext_frame!(real_setcontext)
}
check!(setcontext(_));

/// `swapcontext(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
#[unsafe(naked)]
pub unsafe extern "C-unwind" fn swapcontext(_: *mut ucontext_t, _: *const ucontext_t) -> c_int {
    swapcontext_frame!(real_swapcontext)
}
check!(swapcontext(_, _));

/// `makecontext(3)`: `count` arguments for `function` follow, three of them in registers.
/// They are handed on as they are.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
#[unsafe(naked)]
pub unsafe extern "C-unwind" fn makecontext(_: *mut ucontext_t, _: extern "C" fn(), _: c_int) {
    makecontext_frame!(real_makecontext, made)
}
check!(makecontext(_, _, _;));
