//! Signal masks of workers that sleep.
//!
//! They are open to what the process ignores, and to nothing else. The kernel drops such a signal
//! at once if the kernel thread that it is for does not block it: the process's first one, or, of a
//! child's end, the one that has made the child (Linux, kernel/signal.c: `sig_ignored`). Else it
//! would interrupt whoever waits in the kernel and does not block it.
//!
//! What the main thread blocks the kernel must not drop. So workers that sleep are woken to close
//! their masks, and it waits for that; and they are woken, sooner or later, when they need not be
//! closed any more. Neither is done all the time by programs that change their masks all the time.

use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use core::time::Duration;

use super::{is_polling, kick_hub};
use crate::sched::mask::{Closing, idle_mask};
use crate::sched::worker::{self, Worker};
use crate::sys::clock::{self, Instant, MILLISECOND};
use crate::sys::futex;
use crate::sys::raw::syscall;

/// Signals that the process ignores, by their actions. Others may be in it for a moment: who sleeps
/// passes them on. A forked child keeps it, as it keeps its actions.
static IGNORED: AtomicU64 = AtomicU64::new(0);
/// Somebody may sleep closed to what he need not be. It may be so in a forked child.
static STALE: AtomicBool = AtomicBool::new(false);
/// Until then whoever goes to sleep is closed. A forked child keeps it: it is a mere time.
static CLOSED_UNTIL: AtomicU64 = AtomicU64::new(0);
/// Until then nobody is woken to be open. A forked child keeps it: it is a mere time.
static LEFT_UNTIL: AtomicU64 = AtomicU64::new(0);

/// Until `until` nothing is done of what has taken since `begun`: for several times as long, but not
/// for long, since it may be others that have taken the CPU.
fn pause(until: &AtomicU64, begun: Instant) {
    const TIMES_AS_LONG: Instant = 8;
    let now = clock::now();
    let rest = (now - begun).saturating_mul(TIMES_AS_LONG).min(MILLISECOND);
    until.store(now.saturating_add(rest), Ordering::Relaxed);
}

fn rest(until: &AtomicU64) -> Instant {
    match until.load(Ordering::Relaxed) {
        0 => 0,
        until => until.saturating_sub(clock::now()),
    }
}

/// What a worker that sleeps may be open to.
fn open() -> u64 {
    IGNORED.load(Ordering::SeqCst) & !idle_mask()
}

/// The process ignores `signals` from here on.
pub fn ignore(signals: u64) {
    if IGNORED.fetch_or(signals, Ordering::SeqCst) & signals != signals {
        STALE.store(true, Ordering::Relaxed);
        refresh();
    }
}

/// It does not, or is about to change that.
pub fn heed(signals: u64) {
    IGNORED.fetch_and(!signals, Ordering::SeqCst);
}

/// Those who sleep look whether they may be open, if that can have changed.
fn refresh() {
    if !STALE.load(Ordering::Relaxed) || rest(&LEFT_UNTIL) > 0 {
        return;
    }
    STALE.store(false, Ordering::Relaxed);
    let begun = clock::now();
    let open = open();
    for worker in worker::all().filter(|worker| worker.mask.in_base() & open != 0) {
        if worker.is_asleep() {
            worker.rouse();
        } else if is_polling() {
            kick_hub();
        }
    }
    pause(&LEFT_UNTIL, begun);
}

/// Sleeps as long as `word`, the caller's, is 1, or shorter. Called in a loop: each time the mask may
/// have to be another one.
pub(in crate::sched) fn sleep(worker: &Worker, word: &AtomicU32) {
    refresh();
    let limit = rest(&CLOSED_UNTIL);
    if limit > 0 && open() != 0 {
        worker.mask.doze(|| 0);
        futex::wait_for(word, 1, Duration::from_nanos(limit));
    } else {
        worker.mask.doze(open);
        futex::wait(word, 1);
    }
}

/// The main thread, the caller, is about to change its signal mask, which was settled as `before`, to
/// `mask`, which blocks more. What a worker on its base context has taken before that is the thread's
/// on return, as it would be natively; and none takes any more until the change is made and the
/// value dropped.
pub fn close_to(before: u64, mask: u64) -> Closing {
    let closing = Closing::begin(mask & !before);
    renew_mask(before | mask);
    closing
}

/// The main thread, the caller, has changed its signal mask to `mask`, or will find that it has: on
/// return no worker is open to what that blocks, unless a green thread runs there.
pub fn renew_mask(mask: u64) {
    let mut begun = None;
    let mut kicked = false;
    for worker in worker::all() {
        while worker.mask.in_base() & mask != mask {
            if worker.is_asleep() {
                begun.get_or_insert_with(clock::now);
                worker.rouse();
            } else if !kicked && is_polling() {
                // Without a look at whether it was kicked, which a new poller may be about to
                // reset. Who begins to wait in the hub from here on has the new mask.
                kicked = true;
                kick_hub();
            }
            // SAFETY: no arguments.
            unsafe { syscall!(SYS_sched_yield) };
        }
    }
    if let Some(begun) = begun {
        pause(&CLOSED_UNTIL, begun);
    }
    if open() != 0 {
        STALE.store(true, Ordering::Relaxed);
        refresh();
    }
}
