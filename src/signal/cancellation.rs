//! `SIGCANCEL`: how glibc interrupts a thread that is being cancelled while it is
//! in the kernel, or anywhere if it has asked for that.
//!
//! glibc's handler acts on the thread that it finds itself on. In front of it
//! stands one that knows better who is meant, and that never lets the runtime's own
//! code be unwound: there a request waits for the next cancellation point
//! ([`crate::thread::cancel::point`]).

use core::ffi::c_void;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::{SIGCANCEL, bit};
use crate::sched::{monitor, worker};
use crate::sys::action::KernelAction;
use crate::sys::raw::syscall;
use crate::sys::real::real;
use crate::sys::text;
use crate::thread::{Kind, Thread, current, tcb};

type Handler = unsafe extern "C-unwind" fn(i32, *mut libc::siginfo_t, *mut c_void);

/// glibc's handler, once it is known.
static GLIBCS: AtomicUsize = AtomicUsize::new(0);

/// Asks glibc to cancel `id`: marks the thread, and sends `SIGCANCEL` to the kernel
/// thread that glibc believes it is. 0 or an error number.
///
/// # Safety
/// `id` is a thread that has not ended or, if it is green, ever was one.
pub unsafe extern "C-unwind" fn request(id: libc::pthread_t) -> i32 {
    let real = real!(pthread_cancel: unsafe extern "C-unwind" fn(libc::pthread_t) -> i32);
    // SAFETY: as the caller promises.
    unsafe { real(id) }
}

/// Puts our handler in front of glibc's, before that can hit a wrong thread. The
/// caller is `me`, a green thread.
pub fn intercept(me: &Thread) {
    if GLIBCS.load(Ordering::Acquire) != 0 {
        return;
    }
    // SAFETY: what runs on a worker knows it; workers are never freed.
    let base = unsafe { &*me.worker.get() }.base();
    // glibc installs its handler at the first request. A base context never comes
    // to a cancellation point, and forgets.
    // SAFETY: a live thread.
    unsafe { request(base.pointer.get() as libc::pthread_t) };
    tcb::cancelhandling(base).fetch_and(!tcb::REQUESTED, Ordering::Relaxed);
    text::init();
    let mut action = KernelAction::of(SIGCANCEL);
    let ours = handler as *const () as usize;
    if action.is_handler() && action.handler != ours {
        GLIBCS.store(action.handler, Ordering::Release);
        action.handler = ours;
        // A thread that is unwound out of the handler never returns to where the
        // kernel would unblock the signal, and its kernel thread lives on.
        action.flags |= libc::SA_NODEFER as u64;
        // SAFETY: glibc's action with another handler of the same type.
        unsafe { action.install(SIGCANCEL) };
    }
}

/// Whether a request has met a thread inside the runtime, from where it may go on to
/// compute without ever coming to a cancellation point.
static MISSED: AtomicBool = AtomicBool::new(false);

/// Whether [`retry`] has something to do.
pub fn is_missed() -> bool {
    MISSED.load(Ordering::SeqCst)
}

/// Nudges those who were met inside the runtime once more. For the monitor.
pub fn retry() {
    if !MISSED.swap(false, Ordering::SeqCst) {
        return;
    }
    for worker in worker::all() {
        // SAFETY: null, or a thread's block; those of green threads stay.
        let running = unsafe { worker.running().as_ref() };
        if running.is_some_and(|thread| thread.deliverable() & bit(SIGCANCEL) != 0) {
            nudge(worker.kernel_id());
        }
    }
}

/// Tells a kernel thread of this process that the green thread it runs is being
/// cancelled.
pub fn nudge(kernel_thread: i32) {
    // As glibc sends it: its handler looks at the sender.
    // SAFETY: plain arguments.
    unsafe { syscall!(SYS_tgkill, syscall!(SYS_getpid), kernel_thread, SIGCANCEL) };
}

unsafe extern "C-unwind" fn handler(signal: i32, info: *mut libc::siginfo_t, context: *mut c_void) {
    let me = current();
    // SAFETY: the kernel passes a ucontext_t.
    let interrupted = unsafe { &*context.cast::<libc::ucontext_t>() }
        .uc_mcontext
        .gregs[libc::REG_RIP as usize];
    let is_meant = match me.kind() {
        Kind::Base => false,
        Kind::Foreign => true,
        Kind::Green => {
            me.cancelled.load(Ordering::Relaxed)
                && !me.is_critical()
                && !text::contains(interrupted as usize)
        }
    };
    if !is_meant {
        if me.kind() == Kind::Green && me.cancelled.load(Ordering::Relaxed) {
            MISSED.store(true, Ordering::SeqCst);
            monitor::rouse();
        }
        return;
    }
    let glibcs = GLIBCS.load(Ordering::Acquire);
    if glibcs != 0 {
        // SAFETY: glibc's handler of this type, with what the kernel has passed. It
        // returns, or unwinds the stack of a thread that has allowed that here.
        unsafe {
            let glibcs: Handler = core::mem::transmute(glibcs);
            glibcs(signal, info, context);
        }
    }
}
