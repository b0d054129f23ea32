//! The monitor: a kernel thread that keeps one stuck thread from holding up the
//! others, and that starts workers.
//!
//! A raw system call, a lock inside libc, a loop that computes: whatever keeps a
//! thread from coming back to the scheduler, the slot it holds goes to another
//! worker, and the thread goes on as a plain kernel thread until it next parks
//! ([`stuck`]). Nobody is ever stopped in the middle of anything. While slots are busy
//! the monitor looks every few milliseconds; when all have been idle for a while it
//! sleeps until one is used again.
//!
//! It is also the only one to start kernel threads, since whoever finds that one is
//! missing may be inside the program's allocator, and since those that it starts have
//! what the process had at its first thread, not what some thread has changed.

mod bell;
mod pace;
mod stuck;

use core::ffi::c_void;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, Ordering};
use core::time::Duration;

use super::worker::Worker;
use super::{children, deaths, idle, slots, turns, words};
use crate::glibc::tcb;
use crate::hub::{epoll, eventfd};
use crate::sys::clock::{self, Instant, MILLISECOND};
use crate::sys::in_child::{in_child, restore};
use crate::task::{haste, upcalls};
use bell::Bell;
use pace::Pace;
use stuck::{Stuck, Watch};

/// How often the monitor looks while a slot is in use.
const PERIOD: Duration = Duration::from_millis(5);
/// How often it looks while a thread may wait for another to leave its slot.
const OWED_PERIOD: Duration = Duration::from_millis(1);
/// How soon it looks again after somebody was found blocked in the kernel.
const HURRY: Duration = Duration::from_micros(200);
/// How long nobody must have called a worker, beyond the few that stay, for it to end.
const RETIREMENT: Instant = 100 * MILLISECOND;
/// How long it does not ask the kernel for a thread in advance that was refused.
const REFUSAL: Instant = 10 * MILLISECOND;
/// After so many looks at idle slots only, the monitor sleeps for good.
const DROWSY: u32 = 20;

/// A forked child keeps it: a bell that was rung makes its monitor look once, one on which a
/// monitor slept is rung once for nothing.
static BELL: Bell = Bell::new();
/// Somebody has found no worker for an idle slot.
static WORKER_WANTED: AtomicBool = AtomicBool::new(false);
/// Somebody has found no worker that could take over his slot.
static SUCCESSOR_WANTED: AtomicBool = AtomicBool::new(false);
/// How often none could be started. A forked child counts on.
static REFUSALS: AtomicU32 = AtomicU32::new(0);
/// When the last time was.
static REFUSED: AtomicU64 = AtomicU64::new(0);
/// Somebody who cannot reach the hub wants whoever waits there to return.
static KICK: AtomicBool = AtomicBool::new(false);

/// The monitor's kernel thread.
static PLAIN: AtomicI32 = AtomicI32::new(0);

/// In a forked child nobody wants anything, and there is no monitor.
fn reset() {
    restore(&WORKER_WANTED, false);
    restore(&SUCCESSOR_WANTED, false);
    restore(&REFUSED, 0);
    restore(&KICK, false);
    restore(&PLAIN, 0);
}

in_child!(reset);

/// The id of a kernel thread of which nobody has changed anything: as it is with it, so it is
/// with every thread that is not wired.
pub fn plain_kernel_thread() -> i32 {
    PLAIN.load(Ordering::Relaxed)
}

/// A slot has been taken into use: the monitor must be awake.
#[inline]
pub fn slot_in_use() {
    BELL.ring_if_asleep();
}

/// The monitor has something to try again, though not at once.
pub fn stay_awake() {
    BELL.ring_if_asleep();
}

/// Makes the monitor look soon, even if it sleeps.
pub fn rouse() {
    BELL.ring();
}

/// Has a worker started for an idle slot. The caller may be anywhere.
#[cold]
pub fn want_worker() {
    if !WORKER_WANTED.swap(true, Ordering::SeqCst) {
        BELL.ring();
    }
}

/// Has a worker started that could take over the caller's slot, if the kernel did not refuse one
/// just now.
#[cold]
pub fn want_successor() {
    if !was_refused() && !SUCCESSOR_WANTED.swap(true, Ordering::SeqCst) {
        BELL.ring();
    }
}

/// Whether the kernel has refused one just now.
pub fn was_refused() -> bool {
    // Before the clock is read: the monitor may be told no at this moment.
    let refused = REFUSED.load(Ordering::Relaxed);
    clock::now().saturating_sub(refused) < REFUSAL
}

/// How often it has.
pub fn refusals() -> u32 {
    REFUSALS.load(Ordering::Relaxed)
}

/// Kicks the hub on behalf of a thread that has other descriptors than the process.
pub fn kick() {
    KICK.store(true, Ordering::SeqCst);
    BELL.ring();
}

/// Starts the monitor. An errno if there is no kernel thread for it.
pub fn start() -> Result<(), i32> {
    // Without a slot: what the monitor makes runnable goes to the global queue.
    let monitor = Worker::start_service(main)?;
    // SAFETY: it never ends.
    PLAIN.store(unsafe { tcb::kernel_id(monitor) }, Ordering::Relaxed);
    Ok(())
}

fn is_needed() -> bool {
    !idle::is_all_idle() || turns::any_queued() || KICK.load(Ordering::SeqCst)
}

extern "C" fn main(worker: *mut c_void) -> *mut c_void {
    // Never runs a handler of the program: all signals are blocked, for good.
    // SAFETY: passed to this start routine.
    unsafe { Worker::begin(worker) };
    let mut watch = Watch::new();
    let mut pace = Pace::new();
    let mut seen_polls = 0;
    let mut idle_looks = 0;
    let mut retired = clock::now();
    loop {
        // One look follows each rest: who rings wants just that.
        let stuck = look(&mut watch, &mut seen_polls);
        pace.look(stuck == Stuck::Computes);
        if clock::now() - retired >= RETIREMENT {
            retired = clock::now();
            idle::retire_workers();
        }
        idle_looks = if idle::is_all_idle() && !turns::any_queued() {
            idle_looks + 1
        } else {
            0
        };
        let drowsy = idle_looks > DROWSY && !idle::has_spare_workers();
        let rung = if drowsy && !(upcalls::get().needs_monitor)() {
            BELL.sleep(is_needed)
        } else {
            BELL.pause(match stuck {
                Stuck::Blocked | Stuck::Soon => HURRY,
                _ if haste::was_owed() => OWED_PERIOD,
                _ => PERIOD,
            })
        };
        if rung {
            idle_looks = 0;
        }
    }
}

fn look(watch: &mut Watch, seen_polls: &mut u32) -> Stuck {
    // Busy workers look at the hub themselves, unless all are stuck.
    let polls = epoll::polls();
    if !idle::is_polling() && polls == *seen_polls {
        super::glance();
    }
    *seen_polls = polls;
    if KICK.swap(false, Ordering::SeqCst) {
        eventfd::kick();
    }
    (upcalls::get().deliver_deferred)();
    (upcalls::get().monitor_signals)();
    let wanted = WORKER_WANTED.swap(false, Ordering::SeqCst);
    if (wanted || slots::any_queued()) && idle::idle_slots() > 0 {
        idle::start_worker();
    }
    if SUCCESSOR_WANTED.swap(false, Ordering::SeqCst) && !idle::start_successor() {
        REFUSED.store(clock::now(), Ordering::Relaxed);
        REFUSALS.fetch_add(1, Ordering::Relaxed);
    }
    children::start_wanted();
    deaths::start_wanted();
    words::start_wanted();
    turns::look();
    watch.look()
}
