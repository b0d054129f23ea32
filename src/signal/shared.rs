//! Signals that wait in the kernel for the process.
//!
//! There they stay, visible to `sigpending`, `sigwait` and signalfd, until a thread that
//! accepts them runs: then its kernel thread is open to them. So a thread that is parked has
//! to be told, and runs. The hub says when a signal has come; it is looked for among the
//! threads only if the kernel still has it then, which has its own way with those that
//! accept it and run.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::{acceptor, processor_time, send};
use crate::glibc::signals::UNBLOCKABLE;
use crate::hub::signals;
use crate::sched::mask::note_told;
use crate::sched::{kernel_thread, requests, wake};
use crate::sys::in_child::{in_child, restore};
use crate::sys::raw::syscall;
use crate::sys::sigmask::bit;
use crate::sys::task_state;
use crate::task::deferred;
use crate::task::word::Wake;

/// Somebody blocks a signal, or queues are to stay in order: the hub has to look out.
static NEEDED: AtomicBool = AtomicBool::new(false);
/// It has been asked to, by the main thread or the monitor.
static ASKED: AtomicBool = AtomicBool::new(false);
/// It cannot: the monitor looks instead.
static POLLED: AtomicBool = AtomicBool::new(false);
/// A thread that accepts one of them was neither parked nor, for certain, about to get it.
static LEFT: AtomicBool = AtomicBool::new(false);
/// Signals that no thread accepts, as far as is known.
static REFUSED: AtomicU64 = AtomicU64::new(0);

/// The main thread is not a green one: what it accepts the kernel gives to it.
static MAIN_IS_FOREIGN: AtomicBool = AtomicBool::new(false);

/// From here on green threads run beside a main thread that is none.
pub fn begin_beside_main() {
    MAIN_IS_FOREIGN.store(true, Ordering::Relaxed);
    need();
}

/// Has the hub look out for signals from here on. Async-signal-safe.
#[inline(always)]
pub fn need() {
    if !NEEDED.load(Ordering::Relaxed) {
        begin();
    }
}

#[cold]
fn begin() {
    if !NEEDED.swap(true, Ordering::SeqCst) {
        requests::rouse();
    }
}

/// A thread has a mask that does not block `accepted`. After the change; SeqCst on both
/// sides: who looks for a thread says first that there may be none.
#[inline(always)]
pub fn accept(accepted: u64) {
    if REFUSED.load(Ordering::SeqCst) & accepted != 0 {
        REFUSED.fetch_and(!accepted, Ordering::SeqCst);
    }
}

/// Whether the monitor must not sleep for good.
pub fn is_polled() -> bool {
    POLLED.load(Ordering::Relaxed)
        || LEFT.load(Ordering::SeqCst)
        || deferred::is_anybody_postponed()
}

/// Has the hub look out, if that is needed and nobody has done so yet.
pub fn begin_watch() {
    if !NEEDED.load(Ordering::SeqCst) || ASKED.swap(true, Ordering::Relaxed) {
        return;
    }
    if signals::watch() {
        note_told();
    } else {
        POLLED.store(true, Ordering::Relaxed);
    }
    // What had come before.
    LEFT.store(true, Ordering::SeqCst);
}

/// The monitor's part: opens what the hub needs, and looks where that does not do. The
/// caller is critical and holds no lock.
pub fn monitor_look() {
    deferred::take_postponed(send::interrupt);
    begin_watch();
    let is_left = LEFT.swap(false, Ordering::SeqCst);
    if (is_left || POLLED.load(Ordering::Relaxed)) && tell() {
        LEFT.store(true, Ordering::Relaxed);
    }
}

/// The hub says that a signal was sent. The caller is critical and holds no lock.
pub fn look() {
    if tell() {
        LEFT.store(true, Ordering::SeqCst);
        requests::stay_awake();
    }
}

/// Lets threads run that accept what the kernel has for the process. True if one was not
/// parked: it runs, with a kernel thread that is open to the signal, or will do so; but it
/// may be parking just now, and its kernel thread have closed before the kernel could
/// interrupt it.
fn tell() -> bool {
    let mut waiting = 0u64;
    // SAFETY: `waiting` is writable.
    unsafe { syscall!(SYS_rt_sigpending, &raw mut waiting, 8) };
    waiting &= !UNBLOCKABLE & !REFUSED.load(Ordering::SeqCst);
    if waiting == 0 {
        return false;
    }
    let mains = waiting & accepted_by_foreign_main();
    waiting &= !mains;
    // It may block them before it has been given them.
    let mut left = mains != 0;
    while waiting != 0 {
        let signal = waiting.trailing_zeros() as i32 + 1;
        waiting &= waiting - 1;
        if processor_time::signals() & bit(signal) != 0 && acceptor::one_runs(signal) {
            // It is for who used the processor, and may not have come to take it.
            left = true;
            continue;
        }
        REFUSED.fetch_or(bit(signal), Ordering::SeqCst);
        if let Some(thread) = acceptor::acceptor(signal).or_else(|| acceptor::waiter(signal)) {
            REFUSED.fetch_and(!bit(signal), Ordering::SeqCst);
            left |= !wake::claim(thread, Wake::Interrupted);
        }
    }
    left
}

/// Signals that the kernel gives to the main thread before all others.
fn accepted_by_foreign_main() -> u64 {
    if !MAIN_IS_FOREIGN.load(Ordering::Relaxed) {
        return 0;
    }
    task_state::signals(kernel_thread::process()).map_or(0, |main| !main.blocked)
}

/// In a forked child nobody looks out.
fn reset() {
    for flag in [&NEEDED, &ASKED, &POLLED, &LEFT, &MAIN_IS_FOREIGN] {
        restore(flag, false);
    }
    restore(&REFUSED, 0);
}

in_child!(reset);
