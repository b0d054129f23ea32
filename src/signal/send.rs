//! Making a thread look at what is pending for it.
//!
//! What is [pending](super::pending) in the thread's block is the truth. A thread that
//! is parked is claimed; one that runs gets a nudge, a signal to its kernel
//! thread, whose handler takes what is pending ([`super::delivery`]).

use core::ptr;
use core::sync::atomic::Ordering;

use super::cancellation;
use super::info::{self, To};
use crate::glibc::signals::SIGCANCEL;
use crate::sched::{requests, wake, worker};
use crate::sys::sigmask::{self, bit};
use crate::task::pending::Taken;
use crate::task::word::{Claim, Wake};
use crate::task::{Critical, Thread, current, deferred};

/// A signal has arrived for `me`, the caller, inside the runtime: if that is on its way out of
/// the CPU and has looked for signals already, it comes back at once. Async-signal-safe.
pub fn stay(me: &Thread) {
    if me.deliverable() != 0 {
        call_back(me);
    }
}

/// A signal has arrived inside the runtime that `me`, the caller, is to tell somebody else of: if
/// that sleeps on a kernel thread of its own, it comes back for that. (The kernel itself goes on
/// with such a sleep after a handler with `SA_RESTART`.) Async-signal-safe.
pub fn come_back_to_tell(me: &Thread) {
    if !me.parks() {
        call_back(me);
    }
}

/// Ends the wait that `me`, the caller, has armed, if it has.
fn call_back(me: &Thread) {
    match me.seat().word.claim(Wake::Interrupted) {
        Claim::Lost | Claim::Pending => {}
        // It is not asleep, but here.
        Claim::Kernel => {
            me.seat().word.release();
        }
        Claim::Runnable => unreachable!("a thread that is saved does not run"),
        Claim::Branch => unreachable!("a thread's own seat is no branch"),
    }
}

/// Opens the kernel thread of `me`, the caller, to what was [withheld](crate::task::mask), after
/// `act`, which is given that; no handler runs before.
pub(super) fn reopen(me: &Thread, act: impl FnOnce(u64)) {
    let before = sigmask::replace(!0);
    let released = me.mask.release();
    act(released);
    let open = released & !me.mask.of_kernel();
    if open != 0 {
        let mask = &worker::of(me).mask;
        mask.note(mask.get() & !open);
    }
    sigmask::set(before & !open);
}

/// Signals were taken out of those that wait for `me`, the caller, inside the runtime: its kernel
/// thread need not be closed any more to those that are gone.
pub fn taken_out(me: &Thread) {
    if me.mask.withholds() {
        reopen(me, |released| {
            me.mask.withhold(released & me.pending.bits_now());
        });
    }
}

/// Nudges `target` on the kernel thread that runs it. Where the kernel has no memory for
/// that (`RLIMIT_SIGPENDING`) the monitor tries again, unless that is the caller's own.
pub(super) fn nudge(target: &'static Thread, kernel_thread: i32, signal: i32) {
    const NO_MEMORY: isize = -(libc::EAGAIN as isize);
    let mut result = info::nudge(kernel_thread, signal);
    if result == NO_MEMORY && target.is(current()) {
        result = info::nudge_self(signal);
    }
    if result == NO_MEMORY {
        // At once it would be no better.
        deferred::postpone(target);
        requests::stay_awake();
    }
}

/// Adds `signal` to those that wait for the thread `target`, to which it was sent.
/// Async-signal-safe.
pub fn add(target: &Thread, signal: i32, came_with: &libc::siginfo_t) {
    target.pending.add(signal, came_with, false);
    // It may have ended meanwhile; then it looked afterwards (SeqCst on both sides).
    if target.pending.is_closed() {
        target.pending.rescue(0, give_back);
    }
}

/// Adds `signal`, which was sent to the process, to those that wait for `target`. False if that
/// has ended or closed its mask since it was chosen: then `refused` gets what it does not handle,
/// if anything. Async-signal-safe.
#[must_use]
pub fn add_shared(
    target: &Thread,
    signal: i32,
    came_with: &libc::siginfo_t,
    refused: impl FnMut(Taken),
) -> bool {
    target.pending.add(signal, came_with, true);
    // Who closes its mask or ends looks for signals afterwards (SeqCst on both sides).
    let closed = target.settled_mask.load(Ordering::SeqCst);
    // The caller itself is about to close its kernel thread's, and looks then.
    let is_closing = target.is(current());
    if !target.pending.is_closed() && (closed & bit(signal) == 0 || is_closing) {
        return true;
    }
    target.pending.rescue(closed, refused);
    false
}

/// What a thread that was chosen for it has refused stays with `taker`, whose kernel thread has
/// got `signal`; others' that are met on the way go back to the kernel.
pub fn keep(taker: &Thread, signal: i32, refused: Taken) {
    if refused.signal == signal {
        taker.pending.add(signal, &refused.info, true);
    } else {
        give_back(refused);
    }
}

/// Sends `signal` to the thread `target`. The caller is not critical.
pub fn send(target: &'static Thread, signal: i32, came_with: &libc::siginfo_t) {
    add(target, signal, came_with);
    interrupt(target);
}

/// Makes `target` look at what is pending for it.
pub fn interrupt(target: &'static Thread) {
    let wanted = target.deliverable() | target.awaited() | target.expected();
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
/// who accepts it: behind what has come since.
pub fn give_back(taken: Taken) {
    info::send(To::Process, taken.signal, &taken.info);
}
