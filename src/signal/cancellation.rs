//! `SIGCANCEL`: how a thread that is being cancelled is interrupted while it is in the
//! kernel, or anywhere if it has asked for that.
//!
//! Only threads that can be cancelled where they are get it, as natively: the others would
//! see a call end with `EINTR`. glibc says so of its own cancellation points by the same
//! mark as of threads that allow it anywhere; from 2.41 on it goes by the interrupted
//! address instead, and sends the signal to all that have not disabled cancellation.
//!
//! glibc's handler acts on the thread that it finds itself on. In front of it stands one
//! that knows better who is meant, and that never lets the runtime's own code be unwound:
//! there the thread acts itself where it waits ([`cancel::anywhere`]), or is met
//! [again](retry).

use core::ffi::c_void;
use core::sync::atomic::{AtomicUsize, Ordering};

use super::{cancel, retry};
use crate::glibc::real::real;
use crate::glibc::signals::{SIGCANCEL, are_points_addresses};
use crate::sys::action::KernelAction;
use crate::sys::in_child::in_child;
use crate::sys::raw::syscall;
use crate::sys::sanitizers;
use crate::sys::sigmask::{self, bit};
use crate::sys::text;
use crate::task::lock::RawLock;
use crate::task::{Kind, Thread, current, rank};

type Handler = unsafe extern "C-unwind" fn(i32, *mut libc::siginfo_t, *mut c_void);

/// glibc's handler, once it is known. A forked child keeps it, as it keeps its handlers.
static SIGCANCEL_HANDLER: AtomicUsize = AtomicUsize::new(0);

static LOCK: RawLock<{ rank::START }> = RawLock::new();

unsafe extern "C" {
    safe fn pthread_self() -> libc::pthread_t;
}

/// Asks glibc to cancel `id`, a thread that libgreen does not schedule: marks it, and
/// sends it `SIGCANCEL` if that is to do more. 0 or an error number.
///
/// # Safety
/// `id` is a thread that may still be joined.
pub unsafe extern "C-unwind" fn request(id: libc::pthread_t) -> i32 {
    let real = real!(pthread_cancel: unsafe extern "C-unwind" fn(libc::pthread_t) -> i32);
    // SAFETY: as the caller promises.
    unsafe { real(id) }
}

/// Puts our handler in front of glibc's, before that can hit a wrong thread.
pub fn intercept() {
    if SIGCANCEL_HANDLER.load(Ordering::Acquire) != 0 {
        return;
    }
    let before = cancel::disable();
    LOCK.during(|| {
        if SIGCANCEL_HANDLER.load(Ordering::Relaxed) == 0 {
            install(current());
        }
    });
    // Where somebody has cancelled the caller meanwhile this may be its end.
    cancel::restore(before);
}

/// glibc installs its handler at the first request, and loads what unwinds stacks, which
/// no signal handler could. So `me`, the caller, which has disabled cancellation, requests
/// its own, and forgets about it: nobody else can have asked for it while the lock is held.
fn install(me: &Thread) {
    let was_cancelled = me.tcb().is_cancelled();
    // SAFETY: the calling thread; while cancellation is disabled it is only marked.
    unsafe { request(pthread_self()) };
    if !was_cancelled {
        me.tcb().forget_cancelled();
    }
    text::init();
    let mut action = KernelAction::of(SIGCANCEL);
    let ours = handler as *const () as usize;
    if action.is_handler() && action.handler != ours {
        let glibcs = action.handler;
        action.handler = ours;
        // SAFETY: glibc's action with another handler of the same type. Until `SIGCANCEL_HANDLER` is
        // set nobody sends the signal.
        unsafe { action.install(SIGCANCEL) };
        SIGCANCEL_HANDLER.store(glibcs, Ordering::Release);
    }
}

/// Another thread may be about to put our handler in front.
///
/// # Safety
/// The caller is the process's only thread.
unsafe fn reset() {
    // SAFETY: as the caller promises.
    unsafe { LOCK.reset() };
}

in_child!(always reset);

/// Tells the kernel thread that runs the green thread `target` that somebody has asked for
/// its cancellation, if that is to act on it where it is.
pub fn interrupt(target: &Thread, kernel_thread: i32) {
    let reaches = target.tcb().allows_cancellation_anywhere()
        || target.tcb().allows_cancellation() && are_points_addresses()
        || target.is_told_of_cancellation();
    if reaches {
        // As glibc sends it: its handler looks at the sender.
        // SAFETY: plain arguments.
        unsafe { syscall!(SYS_tgkill, syscall!(SYS_getpid), kernel_thread, SIGCANCEL) };
    }
}

/// The end of a critical section of `me`, the caller, with a request pending: if it can be
/// cancelled anywhere it is when it has left the runtime's code.
pub fn catch_up(me: &Thread) {
    if me.is_told_of_cancellation() {
        me.pending.forget_cancel();
        count(me);
    }
    if cancel::is_due_anywhere() {
        retry::arm(me);
    }
}

/// A handler of glibc's, with `SA_RESTART`, has run on `me`, the caller, or would have: calls that are never
/// restarted end.
fn count(me: &Thread) {
    me.handled.set(me.handled.get().wrapping_add(1));
}

/// A request of glibc's says that it is under way, and its handler that it has come; until that glibc's own points do not
/// return. So where glibc's is not called for `me`, the caller, that is said here.
fn note_arrival(me: &Thread) {
    me.tcb().mark_cancelled();
}

unsafe extern "C-unwind" fn handler(signal: i32, info: *mut libc::siginfo_t, context: *mut c_void) {
    let me = current();
    if me.kind() == Kind::Base {
        return;
    }
    // SAFETY: the kernel passes both.
    let (info_now, interrupted) = unsafe {
        let context = &*context.cast::<libc::ucontext_t>();
        (
            &*info,
            context.uc_mcontext.gregs[libc::REG_RIP as usize] as usize,
        )
    };
    retry::arrived(me, info_now);
    if me.is_critical() {
        // At its end the thread looks. The signal may have been for one that ran here before.
        if me.tcb().is_cancelled() {
            note_arrival(me);
            me.pending.request_cancel();
        }
    } else if me.tcb().is_cancelled() && me.tcb().allows_cancellation_anywhere() {
        if text::is_runtime(interrupted) {
            note_arrival(me);
            retry::arm(me);
        } else {
            unblock();
            cancel::act(me);
        }
    } else if me.kind() != Kind::Green || me.tcb().is_cancelled() {
        // Else it was for one that ran here before: glibc's handler marks whom it finds as cancelled.
        let glibcs = SIGCANCEL_HANDLER.load(Ordering::Acquire);
        if glibcs != 0 {
            unblock();
            if me.tcb().is_cancelled() && me.tcb().allows_cancellation() {
                sanitizers::unwinds();
            }
            // SAFETY: glibc's handler of this type, with what the kernel has passed. It
            // returns, or unwinds the stack of a thread that has allowed that here.
            unsafe {
                let glibcs: Handler = core::mem::transmute(glibcs);
                glibcs(signal, info, context);
            }
            if are_points_addresses() {
                count(me);
            }
        }
    }
}

/// A thread that is unwound out of the handler never returns to where the kernel would do
/// that, and its kernel thread lives on.
fn unblock() {
    sigmask::unblock(bit(SIGCANCEL));
}
