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

mod looks;
mod pace;
mod stuck;

use core::ffi::c_void;
use core::sync::atomic::{AtomicI32, Ordering};
use core::time::Duration;

use super::requests::{self, BELL};
use super::worker::Worker;
use super::{children, deaths, idle, slots, turns, words};
use crate::glibc::{loader, tcb};
use crate::hub::{epoll, eventfd};
use crate::sys::clock::{self, Instant, MILLISECOND};
use crate::sys::in_child::{in_child, restore};
use crate::task::{haste, upcalls};
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
/// After so many looks at idle slots only, the monitor sleeps for good.
const DROWSY: u32 = 20;

/// The monitor's kernel thread.
static PLAIN: AtomicI32 = AtomicI32::new(0);

/// In a forked child there is no monitor.
fn reset() {
    restore(&PLAIN, 0);
}

in_child!(reset);

/// The id of a kernel thread of which nobody has changed anything: as it is with it, so it is
/// with every thread that is not wired.
pub fn plain_kernel_thread() -> i32 {
    PLAIN.load(Ordering::Relaxed)
}

/// Starts the monitor. An errno if there is no kernel thread for it.
pub fn start() -> Result<(), i32> {
    // Without a slot: what the monitor makes runnable goes to the global queue.
    let monitor = Worker::start_service(main)?;
    // SAFETY: it never ends.
    PLAIN.store(unsafe { tcb::kernel_id(monitor) }, Ordering::Relaxed);
    Ok(())
}

/// Whether nobody runs, nor waits for anything that the monitor is to see to. Where slots lie idle and somebody is
/// runnable, or nobody looks out for events, no worker could be started: the monitor tries again.
fn is_at_rest() -> bool {
    idle::is_all_idle() && !turns::any_queued() && !slots::any_queued() && !idle::needs_poller()
}

fn is_needed() -> bool {
    !is_at_rest() || requests::is_kick_wanted()
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
        idle_looks = if is_at_rest() { idle_looks + 1 } else { 0 };
        let is_idle = idle_looks > DROWSY && !idle::has_spare_workers();
        let drowsy = is_idle && !loader::is_creation_barred();
        let rung = if drowsy && !(upcalls::get().needs_monitor)() {
            BELL.sleep(is_needed)
        } else {
            BELL.pause(match stuck {
                Stuck::Blocked | Stuck::Soon => HURRY,
                // There may be work for another one, which is started after it.
                _ if idle::is_starting() => HURRY,
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
    if requests::take_kick() {
        eventfd::kick();
    }
    (upcalls::get().deliver_deferred)();
    (upcalls::get().monitor_signals)();
    let wanted = requests::take_worker();
    if (wanted || slots::any_queued()) && idle::idle_slots() > 0 {
        idle::start_worker();
    }
    if !loader::is_creation_barred() {
        start_wanted();
    }
    turns::look();
    watch.look()
}

/// Starts the other kernel threads that are wanted. Not while somebody keeps libc from that: he may wait for one whose slot
/// the monitor has yet to take from a third.
fn start_wanted() {
    if requests::take_successor() && !idle::start_successor() {
        requests::refuse();
    }
    children::start_wanted();
    deaths::start_wanted();
    words::start_wanted();
    looks::start_wanted();
}
