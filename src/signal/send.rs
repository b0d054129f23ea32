//! Making a thread look at what is pending for it.
//!
//! The set of pending signals in the thread's block is the truth. A thread that
//! is parked is claimed; one that runs gets a nudge, a signal to its kernel
//! thread, whose handler takes what is pending ([`super::delivery`]).

use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

use super::{HIGHEST, SIGCANCEL, actions, bit, cancellation, info};
use crate::sys::lock_free;
use crate::sys::raw::syscall;
use crate::thread::wait::Wake;
use crate::thread::{Critical, Thread};

/// Those who have to be told of signals that arrived inside the runtime, where
/// nobody could be: a stack, linked through the threads.
static DEFERRED: AtomicPtr<Thread> = AtomicPtr::new(ptr::null_mut());

/// Whether [`deliver_deferred`] has something to do.
#[inline(always)]
pub fn is_deferred() -> bool {
    !DEFERRED.load(Ordering::Relaxed).is_null()
}

/// Leaves it to [`deliver_deferred`] to tell `target`. Async-signal-safe.
pub fn defer(target: &'static Thread) {
    if !target.deferred.swap(true, Ordering::AcqRel) {
        lock_free::push(&DEFERRED, target, &target.deferred_next);
    }
}

/// Tells whoever is meant of signals that arrived inside the runtime. The caller
/// holds no lock.
pub fn deliver_deferred() {
    if !is_deferred() {
        return;
    }
    let mut next = DEFERRED.swap(ptr::null_mut(), Ordering::AcqRel);
    // SAFETY: null or a thread's block; those of green threads stay.
    while let Some(target) = unsafe { next.as_ref() } {
        next = target.deferred_next.load(Ordering::Relaxed);
        // Before the look: what comes later is deferred anew. AcqRel pairs with
        // the swap in `defer`.
        target.deferred.swap(false, Ordering::AcqRel);
        interrupt(target);
    }
}

/// Forgets everybody: in a forked child they do not exist.
pub fn reset() {
    DEFERRED.store(ptr::null_mut(), Ordering::Relaxed);
}

/// The end of the calling thread's critical section: what could not be handled
/// inside is handled now.
#[cold]
pub fn catch_up(me: &'static Thread) {
    deliver_deferred();
    let mut ready = me.deliverable();
    while ready != 0 {
        let signal = ready.trailing_zeros() as i32 + 1;
        ready &= ready - 1;
        // A cancellation request waits for a cancellation point.
        if signal == SIGCANCEL {
            continue;
        }
        // Where the program has no handler any more the nudge does what the
        // signal would.
        if actions::get(signal).is_none() {
            me.take_pending(signal);
        }
        // The kernel builds the handler's frame and sets the mask.
        // SAFETY: no arguments.
        info::nudge(unsafe { syscall!(SYS_gettid) } as i32, signal);
    }
}

/// Sends `signal` to the green thread `target`. The caller is not critical.
pub fn send(target: &'static Thread, signal: i32, came_with: &libc::siginfo_t) {
    info::keep(signal, came_with);
    target.pending.fetch_or(bit(signal), Ordering::SeqCst);
    interrupt(target);
}

/// Makes `target` look at what is pending for it.
pub fn interrupt(target: &'static Thread) {
    let wanted = target.deliverable() | target.awaited();
    if wanted == 0 {
        return;
    }
    // At its end the caller looks, if it is the target.
    let _critical = Critical::enter();
    if target.wake(Wake::Interrupted) {
        return;
    }
    // It runs, or soon will and then looks. If it is in the kernel or computes,
    // its kernel thread has to be told.
    // SAFETY: a stale worker is no harm: workers are never freed, and whoever
    // gets the nudge by mistake ignores it.
    let worker = unsafe { ptr::read_volatile(target.worker.as_ptr()).as_ref() };
    let Some(worker) = worker.filter(|worker| ptr::eq(worker.running(), target)) else {
        return;
    };
    let mut wanted = target.deliverable() | target.awaited();
    while wanted != 0 {
        let signal = wanted.trailing_zeros() as i32 + 1;
        wanted &= wanted - 1;
        match signal {
            SIGCANCEL => cancellation::nudge(worker.kernel_id()),
            _ => info::nudge(worker.kernel_id(), signal),
        }
    }
}

/// Gives those of `signals` that `thread` has, but was not meant for alone, back to
/// the kernel, which keeps them for the process or finds somebody who accepts them.
pub fn put_back(thread: &Thread, signals: u64) {
    for signal in (1..=HIGHEST).filter(|signal| signals & bit(*signal) != 0) {
        let came_with = info::kept(signal);
        if signal == SIGCANCEL || !info::is_process_directed(signal, &came_with) {
            continue;
        }
        if thread.take_pending(signal) {
            // SAFETY: `came_with` is live. A process may send itself anything.
            unsafe {
                let process = syscall!(SYS_getpid);
                syscall!(
                    SYS_rt_sigqueueinfo,
                    process,
                    signal,
                    ptr::from_ref(&came_with)
                );
            }
        }
    }
}
