//! Making a thread look at what is pending for it.
//!
//! What is [pending](super::pending) in the thread's block is the truth. A thread that
//! is parked is claimed; one that runs gets a nudge, a signal to its kernel
//! thread, whose handler takes what is pending ([`super::delivery`]).

use core::ptr;
use core::sync::atomic::Ordering;

use super::info::{self, To};
use super::{actions, cancellation, errand, wait};
use crate::glibc::signals::{SIGCANCEL, SIGSETXID};
use crate::sched::{monitor, wake, worker};
use crate::sys::raw::syscall;
use crate::sys::sigmask::{HIGHEST, bit};
use crate::task::pending::{Pending, REAL_TIME, Taken};
use crate::task::word::{Claim, Wake};
use crate::task::{Critical, Thread, current, deferred};

/// A signal has arrived for `me`, the caller, inside the runtime: if that is on its way out of
/// the CPU and has looked for signals already, it comes back at once. Async-signal-safe.
pub fn stay(me: &Thread) {
    if me.deliverable() == 0 {
        return;
    }
    match me.word.claim(Wake::Interrupted) {
        Claim::Lost | Claim::Pending => {}
        // It is not asleep, but here.
        Claim::Kernel => {
            me.word.release();
        }
        Claim::Runnable => unreachable!("a thread that is saved does not run"),
    }
}

/// Tells whoever is meant of signals that arrived inside the runtime. The caller
/// holds no lock.
pub fn deliver_deferred() {
    deferred::take_all(interrupt);
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
        if signal == SIGCANCEL {
            cancellation::catch_up(me);
            continue;
        }
        if signal == SIGSETXID {
            errand::run(me);
            continue;
        }
        // Where the program has no handler any more the nudge does what the
        // signal would.
        if actions::get(signal).is_none() {
            me.pending.take(bit(signal));
        }
        // The kernel builds the handler's frame and sets the mask.
        // SAFETY: no arguments.
        nudge(me, unsafe { syscall!(SYS_gettid) } as i32, signal);
    }
}

/// Nudges `target` on the kernel thread that runs it. Where the kernel has no memory for
/// that (`RLIMIT_SIGPENDING`) the monitor tries again.
fn nudge(target: &'static Thread, kernel_thread: i32, signal: i32) {
    if info::nudge(kernel_thread, signal) == -(libc::EAGAIN as isize) {
        deferred::add(target);
        monitor::stay_awake();
    }
}

/// Adds `signal` to those that wait for the green thread `target`; `shared`: it was sent to
/// the process. Async-signal-safe.
pub fn add(target: &Thread, signal: i32, came_with: &libc::siginfo_t, shared: bool) {
    target.pending.add(signal, came_with, shared);
    // It may have ended, or closed its mask for good, since it was chosen. Whoever does
    // that looks for signals afterwards (SeqCst on both sides).
    let closed = target.settled_mask.load(Ordering::SeqCst) & bit(signal) != 0;
    // The caller itself is about to close its kernel thread's, and looks then: given back now
    // the signal would come again at once, for ever.
    let is_closing = target.is(current());
    if target.pending.is_closed() || shared && closed && !is_closing {
        target.pending.rescue(give_back);
    }
}

/// Sends `signal` to the green thread `target`. The caller is not critical.
pub fn send(target: &'static Thread, signal: i32, came_with: &libc::siginfo_t, shared: bool) {
    add(target, signal, came_with, shared);
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
    let ends = wanted != bit(SIGCANCEL) || target.waits_until_cancelled();
    if ends && wake::claim(target, Wake::Interrupted) {
        return;
    }
    // It runs, or soon will and then looks. If it is in the kernel or computes,
    // its kernel thread has to be told.
    // A stale worker is no harm: whoever gets the nudge by mistake ignores it.
    let worker = worker::last_of(target);
    let Some(worker) = worker.filter(|worker| ptr::eq(worker.running(), target)) else {
        return;
    };
    let mut wanted = target.deliverable() | target.awaited();
    while wanted != 0 {
        let signal = wanted.trailing_zeros() as i32 + 1;
        wanted &= wanted - 1;
        match signal {
            SIGCANCEL => cancellation::interrupt(target, worker.kernel_id()),
            _ => nudge(target, worker.kernel_id(), signal),
        }
    }
}

/// Gives what was sent to the process back to the kernel, which keeps it or finds somebody
/// who accepts it.
pub fn give_back(taken: Taken) {
    info::send(To::Process, taken.signal, &taken.info);
}

/// [`give_back`] for those of `signals` that wait for `me`, the caller, who does not accept
/// them any more. Nobody else's come before those that queue.
pub fn put_back(me: &Thread, signals: u64) {
    let queued = (REAL_TIME..=HIGHEST).filter(|signal| signals & bit(*signal) != 0);
    let later = Pending::new();
    for signal in queued {
        while let Some(came_with) = wait::poll(signal) {
            later.add(signal, &came_with, true);
        }
    }
    me.pending.take_shared(signals, give_back);
    later.take_shared(!0, give_back);
}
