//! Meeting a thread again that a request for cancellation has met inside the runtime.
//!
//! Such a thread may go on to compute, and never come to a place where it looks for the
//! request. Nothing tells when it leaves the runtime's code, so it is signalled again a
//! moment later, by a timer of the kernel's that signals its kernel thread. If it runs on
//! another one by then, or somebody else runs there, it comes out of a critical section when it
//! runs again, and arms anew.

use core::mem;
use core::ptr;
use core::sync::atomic::Ordering;

use crate::glibc::signals::SIGCANCEL;
use crate::sys::clock;
use crate::sys::raw::syscall;
use crate::task::Thread;
use crate::task::retry::Retry;

/// Most calls are over by then.
const MOMENT: u64 = 100_000;

/// Has `me`, the caller, signalled a moment from now. Where the kernel has no timer to
/// spare the request waits for a cancellation point.
pub fn arm(me: &Thread) {
    let retry = &me.retry;
    let worker = me.worker.load(Ordering::Relaxed).cast_const();
    if retry.timer.get() != 0 && retry.worker.get() == worker {
        if retry.timer.get() != Retry::BEGUN && !is_due(retry.timer.get() - 1) {
            set(retry.timer.get() - 1);
        }
        return;
    }
    disarm(me);
    // For a request that comes in the middle of this.
    retry.timer.set(Retry::BEGUN);
    retry.worker.set(worker);
    // SAFETY: all zeros is valid; the rest is live and of the kernel's form.
    unsafe {
        let mut event: libc::sigevent = mem::zeroed();
        event.sigev_notify = libc::SIGEV_THREAD_ID;
        event.sigev_signo = SIGCANCEL;
        event.sigev_notify_thread_id = syscall!(SYS_gettid) as i32;
        let mut timer: i32 = 0;
        let clock = libc::CLOCK_MONOTONIC;
        if syscall!(SYS_timer_create, clock, &raw const event, &raw mut timer) != 0 {
            retry.timer.set(0);
            return;
        }
        retry.timer.set(timer + 1);
        set(timer);
    }
}

/// Has `timer` signal a moment from now.
fn set(timer: i32) {
    let time = libc::itimerspec {
        it_interval: clock::to_timespec(0),
        it_value: clock::to_timespec(MOMENT),
    };
    let before = ptr::null_mut::<libc::itimerspec>();
    // SAFETY: a timer of this module's, and a live time.
    unsafe { syscall!(SYS_timer_settime, timer, 0, &raw const time, before) };
}

/// Whether `timer` has yet to signal.
fn is_due(timer: i32) -> bool {
    let mut left = libc::itimerspec {
        it_interval: clock::to_timespec(0),
        it_value: clock::to_timespec(0),
    };
    // SAFETY: a timer of this module's, and a place for the time.
    unsafe { syscall!(SYS_timer_gettime, timer, &raw mut left) };
    left.it_value.tv_sec != 0 || left.it_value.tv_nsec != 0
}

/// Takes the timer of `me`, the caller, back.
pub fn disarm(me: &Thread) {
    let timer = me.retry.timer.replace(0);
    if timer > 0 {
        // SAFETY: a timer of this module's.
        unsafe { syscall!(SYS_timer_delete, timer - 1) };
    }
}

/// `SIGCANCEL` has come to `me`, the caller, with `info`: notes it if that was the timer.
pub fn arrived(me: &Thread, info: &libc::siginfo_t) {
    /// Where the kernel puts the number of the timer (asm-generic/siginfo.h, `_timer`).
    const TIMER: usize = 16;
    if info.si_code == libc::SI_TIMER {
        // SAFETY: within the structure.
        let timer: i32 = unsafe { ptr::from_ref(info).byte_add(TIMER).cast::<i32>().read() };
        if timer + 1 == me.retry.timer.get() {
            disarm(me);
        }
    }
}
