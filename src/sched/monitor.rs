//! The monitor: a kernel thread that keeps one stuck thread from holding up the
//! others.
//!
//! A raw system call, a lock inside libc, a loop that computes: whatever keeps a
//! thread from coming back to the scheduler, the slot it holds goes to another
//! worker, and the thread goes on as a plain kernel thread until it next parks.
//! Nobody is ever stopped in the middle of anything. While slots are busy the
//! monitor looks every few milliseconds; when all have been idle for a while it
//! sleeps until one is used again.

use core::ffi::c_void;
use core::sync::atomic::{AtomicU32, Ordering, fence};
use core::time::Duration;

use super::worker::Worker;
use super::{idle, kernel_thread, slot};
use crate::hub::{self, epoll};
use crate::signal::{self, cancellation};
use crate::sys::clock::{self, Instant, MILLISECOND};
use crate::sys::futex;

/// How often the monitor looks while a slot is in use.
const PERIOD: Duration = Duration::from_millis(5);
/// How long a slot may go without a dispatch while somebody else could use it.
const PATIENCE: Instant = 9 * MILLISECOND;
/// How long it may do so while nobody could: afterwards a worker in the hub
/// looks out for the others' events, cheaper than the monitor.
const LONG_PATIENCE: Instant = 100 * MILLISECOND;
/// After so many looks at idle slots only, the monitor sleeps for good.
const DROWSY: u32 = 20;

/// 1 while the monitor sleeps until [`slot_in_use`].
static ASLEEP: AtomicU32 = AtomicU32::new(0);

/// A slot has been taken into use: the monitor must be awake.
#[inline]
pub fn slot_in_use() {
    // Pairs with the fence in `sleep`: the monitor sees the slot, or we see it asleep.
    fence(Ordering::SeqCst);
    if ASLEEP.load(Ordering::Relaxed) == 1 {
        rouse();
    }
}

/// Makes the monitor look soon, even if it sleeps.
#[cold]
pub fn rouse() {
    ASLEEP.store(0, Ordering::Relaxed);
    futex::wake(ASLEEP.as_ptr(), 1);
}

/// Starts the monitor. `-errno` if there is no kernel thread for it.
pub fn start() -> Result<(), i32> {
    ASLEEP.store(0, Ordering::Relaxed);
    // A worker that never has a slot: what the monitor makes runnable goes to
    // the global queue.
    let worker = Worker::create().ok_or(libc::EAGAIN)?;
    kernel_thread::start(
        main,
        core::ptr::from_ref(worker).cast_mut().cast(),
        super::worker::STACK_SIZE,
    )
}

/// What the monitor remembers of a slot between two looks.
#[derive(Clone, Copy)]
struct Seen {
    owner: *const Worker,
    ticks: u32,
    since: Instant,
}

extern "C" fn main(worker: *mut c_void) -> *mut c_void {
    // Never runs a handler of the program: all signals are blocked, for good.
    // SAFETY: `start` passes a worker, which is never freed.
    unsafe { &*worker.cast::<Worker>() }.adopt_base();
    let mut seen = [Seen {
        owner: core::ptr::null(),
        ticks: 0,
        since: 0,
    }; slot::MAX_SLOTS];
    let mut seen_polls = 0;
    let mut idle_looks = 0;
    let pause = AtomicU32::new(0);
    loop {
        if idle::idle_slots() as usize == slot::all().len() {
            idle_looks += 1;
        } else {
            idle_looks = 0;
        }
        if idle_looks >= DROWSY {
            sleep();
            idle_looks = 0;
        }
        futex::wait_for(&pause, 0, PERIOD);
        look(&mut seen, &mut seen_polls);
    }
}

fn sleep() {
    ASLEEP.store(1, Ordering::Relaxed);
    // Pairs with the fence in `slot_in_use`.
    fence(Ordering::SeqCst);
    while idle::idle_slots() as usize == slot::all().len()
        && !cancellation::is_missed()
        && ASLEEP.load(Ordering::Acquire) == 1
    {
        futex::wait(&ASLEEP, 1);
    }
    ASLEEP.store(0, Ordering::Relaxed);
}

fn look(seen: &mut [Seen; slot::MAX_SLOTS], seen_polls: &mut u32) {
    // Busy workers look at the hub themselves, unless all are stuck.
    let polls = epoll::polls();
    if !idle::is_polling() && polls == *seen_polls {
        hub::glance();
    }
    *seen_polls = polls;
    signal::deliver_deferred();
    cancellation::retry();
    if slot::any_queued() && idle::idle_slots() > 0 {
        idle::wake_worker();
    }
    let now = clock::now();
    for (slot, seen) in slot::all().iter().zip(seen) {
        let (owner, ticks) = (slot.owner().cast_const(), slot.ticks());
        if owner.is_null() || owner != seen.owner || ticks != seen.ticks {
            *seen = Seen {
                owner,
                ticks,
                since: now,
            };
            continue;
        }
        let stuck = now - seen.since;
        let wanted = slot.queued() > 0 || slot::GLOBAL.len() > 0;
        if (stuck >= LONG_PATIENCE || stuck >= PATIENCE && wanted)
            && slot.take_from(owner, Some(ticks))
        {
            idle::lay_down(slot);
            idle::wake_worker();
        }
    }
}
