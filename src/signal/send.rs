//! Making a thread look at what is pending for it.
//!
//! What is [pending](super::pending) in the thread's block is the truth. A thread that
//! is parked is claimed; one that runs gets a nudge, a signal to its kernel
//! thread, whose handler takes what is pending ([`super::delivery`]).

use core::ptr;
use core::sync::atomic::Ordering;

use super::info::{self, To};
use super::{actions, cancellation, errand, steps, wait};
use crate::glibc::signals::{SIGCANCEL, SIGSETXID, UNBLOCKABLE};
use crate::sched::{monitor, wake, worker};
use crate::sys::raw::syscall;
use crate::sys::sigmask::{self, HIGHEST, bit};
use crate::task::pending::{Pending, REAL_TIME, Taken};
use crate::task::word::{Claim, Wake};
use crate::task::{Critical, Thread, current, deferred};

/// A signal has arrived for `me`, the caller, inside the runtime: if that is on its way out of
/// the CPU and has looked for signals already, it comes back at once. Async-signal-safe.
pub fn stay(me: &Thread) {
    if me.deliverable() == 0 {
        return;
    }
    match me.seat().word.claim(Wake::Interrupted) {
        Claim::Lost | Claim::Pending => {}
        // It is not asleep, but here.
        Claim::Kernel => {
            me.seat().word.release();
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
    // Handlers make none.
    let steps = steps::take(me);
    deliver_deferred();
    let ready = me.deliverable();
    if ready & bit(SIGCANCEL) != 0 {
        cancellation::catch_up(me);
    }
    if ready & bit(SIGSETXID) != 0 {
        errand::run(me);
    }
    let ready = me.deliverable() & !UNBLOCKABLE;
    let are_several = ready & ready.wrapping_sub(1) != 0;
    if me.mask.withholds() || are_several {
        // As in the kernel, all handlers' frames are there before the first one runs.
        reopen(me, |_| nudge_each(me, me.deliverable() & !UNBLOCKABLE));
    } else {
        nudge_each(me, ready);
    }
    steps::go_on(steps);
}

/// Has the kernel build the frames of the handlers for `signals`, which wait for `me`, the
/// caller, and set the masks.
fn nudge_each(me: &'static Thread, mut signals: u64) {
    while signals != 0 {
        let signal = signals.trailing_zeros() as i32 + 1;
        signals &= signals - 1;
        // Where the program has no handler any more the nudge does what the
        // signal would.
        if actions::get(signal).is_none() {
            me.pending.take(bit(signal));
        }
        // SAFETY: no arguments.
        nudge(me, unsafe { syscall!(SYS_gettid) } as i32, signal);
    }
}

/// Opens the kernel thread of `me`, the caller, to what was [withheld](crate::task::mask), after
/// `act`, which is given that; no handler runs before.
fn reopen(me: &Thread, act: impl FnOnce(u64)) {
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
fn nudge(target: &'static Thread, kernel_thread: i32, signal: i32) {
    const NO_MEMORY: isize = -(libc::EAGAIN as isize);
    let mut result = info::nudge(kernel_thread, signal);
    if result == NO_MEMORY && target.is(current()) {
        result = info::nudge_self(signal);
    }
    if result == NO_MEMORY {
        // At once it would be no better.
        deferred::postpone(target);
        monitor::stay_awake();
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
    taken_out(me);
}
