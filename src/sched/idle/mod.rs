//! Slots and workers without work.
//!
//! A worker that finds nothing lays its slot down. The first such worker waits in the
//! hub, for events and for the next deadline; the others sleep. Whoever makes a thread
//! runnable looks for an idle slot afterwards; whoever lays a slot down looks for
//! runnable threads afterwards. With a full fence between the two steps on either side,
//! one of them sees the other ([`board`]).

mod board;
mod lists;
mod masks;
mod start;

use super::slot::Slot;
use super::worker::{self, Worker};
use super::{requests, slots, wake};
use crate::hub::epoll::{self, Events};
use crate::hub::{self, eventfd};
use crate::sys::clock::{self, Instant, NEVER, SECOND};
use crate::sys::raw::syscall;
use crate::sys::task_state;
use crate::task::{Critical, current, upcalls};
use crate::wait::DEADLINES;
use crate::wait::woken::Woken;
use board::{Board, Help};
pub(in crate::sched) use masks::sleep as sleep_at;
pub use masks::{close_to, heed, ignore, renew_mask};
pub use start::{has_started, is_starting, start_successor, start_worker};

/// A forked child [sets it up](set_up) when it starts threads of its own.
static BOARD: Board = Board::new();

fn give(slot: &'static Slot, worker: &'static Worker) {
    slot.assign(worker);
    worker.set_slot(Some(slot));
    requests::slot_in_use();
}

/// Takes an idle slot for the calling worker.
pub fn acquire(worker: &'static Worker) -> bool {
    match BOARD.take_slot() {
        Some(index) => {
            give(&slots::all()[index], worker);
            true
        }
        None => false,
    }
}

/// Lays down a slot that nobody owns. Somebody should look for work afterwards.
pub fn lay_down(slot: &'static Slot) {
    BOARD.lay_down(slots::index(slot));
}

/// Uses `limit` slots, of those that there are, from here on. For the monitor.
pub fn set_limit(limit: u32) {
    let _critical = Critical::enter();
    BOARD.set_limit(limit);
    for slot in &slots::all()[limit as usize..] {
        if slots::vacate(slot) {
            lay_down(slot);
        }
    }
    if slots::any_queued() {
        wake_for_work();
    }
}

/// How many slots are used at most.
pub fn limit() -> u32 {
    let _critical = Critical::enter();
    BOARD.limit()
}

/// How many slots do not lie idle.
pub fn used_slots() -> u32 {
    let _critical = Critical::enter();
    slots::all().len() as u32 - BOARD.idle()
}

/// Whether all slots lie idle.
pub fn is_all_idle() -> bool {
    used_slots() == 0
}

/// How many slots lie idle and may be used.
pub fn idle_slots() -> u32 {
    BOARD.open()
}

/// Whether there are any. After a thread was made runnable: who lays one down at this moment sees
/// that.
#[inline(always)]
pub fn is_open() -> bool {
    BOARD.is_open()
}

/// Whether a worker waits in the hub.
pub fn is_polling() -> bool {
    BOARD.is_polling()
}

/// A thread has become runnable: if a slot lies idle, puts a worker to it. The caller is
/// critical and holds no lock.
#[inline]
pub fn wake_for_work() {
    if BOARD.is_open() {
        wake_worker();
    }
}

/// Puts a worker to an idle slot, if there is one.
#[cold]
pub fn wake_worker() {
    match BOARD.call() {
        Help::None => {}
        Help::Sleeper(worker, index) => {
            give(&slots::all()[index], worker);
            worker.wake();
        }
        Help::Poller => kick_hub(),
        // Starting a kernel thread takes locks, of the program's allocator among them:
        // the caller may be anywhere.
        Help::New => requests::want_worker(),
    }
}

/// How many workers without a slot are there, asleep or in the hub, who would take one over that is
/// laid down.
fn successors() -> u32 {
    let _critical = Critical::enter();
    BOARD.sleeping() + u32::from(BOARD.is_polling())
}

/// Whether there is one for the caller's slot.
pub fn has_successor() -> bool {
    successors() > 0
}

/// Makes whoever waits in the hub, or the next to do so, return.
fn kick_hub() {
    if current().is_apart() {
        // The number of the hub's eventfd may mean anything here.
        requests::kick();
    } else {
        eventfd::kick();
    }
}

/// A deadline has become the earliest one.
pub fn deadline_moved(deadline: Instant) {
    if BOARD.is_late(deadline) {
        kick_hub();
    }
}

/// Sleeps without a slot until given one.
pub fn sleep(worker: &'static Worker) {
    worker.prepare_sleep();
    // A slot that was laid down since the caller looked is as good as a wake-up.
    if BOARD.sleep(worker) {
        worker.sleep();
    }
}

/// [`sleep`], although slots lie idle: another worker waits in the hub for both.
fn sleep_beside_poller(worker: &'static Worker) {
    worker.prepare_sleep();
    if !BOARD.sleep_beside_poller(worker) || slots::any_queued() {
        wake_worker();
    }
    worker.sleep();
}

/// The calling worker has found nothing: lays its slot down and waits for work.
pub fn await_work(worker: &'static Worker) {
    let Some(slot) = worker.slot() else { return };
    worker.set_slot(None);
    if !slot.take_from(worker, None) {
        return;
    }
    lay_down(slot);
    if slots::any_queued() {
        return;
    }
    if BOARD.begin_polling() {
        poll(worker);
    } else {
        sleep_beside_poller(worker);
    }
}

/// So many workers beyond the number of slots stay asleep for the next ones that block.
const SPARE: u32 = 3;

/// Ends workers that have not been called for since the last time. For the monitor.
pub fn retire_workers() {
    let _critical = Critical::enter();
    BOARD.retire(slots::all().len() as u32 + SPARE, |worker| {
        worker.end();
        worker.wake();
    });
}

/// The kernel gives no further thread: has the workers end that sleep, all but one, and waits until they
/// have. Whether there were any.
pub fn make_room() -> bool {
    /// Some may have to stay, and then there is nothing to wait for.
    const LONGEST: Instant = SECOND;
    const SUCCESSOR: u32 = 1;
    let before = task_state::count();
    let mut ending = 0;
    let critical = Critical::enter();
    BOARD.retire_all(SUCCESSOR, |worker| {
        ending += 1;
        worker.end();
        worker.wake();
    });
    drop(critical);
    let Some(after) = before.map(|before| before.saturating_sub(ending)) else {
        return ending > 0;
    };
    let deadline = clock::after(LONGEST);
    while task_state::count().is_some_and(|now| now > after) && clock::now() < deadline {
        // SAFETY: no arguments.
        unsafe { syscall!(SYS_sched_yield) };
    }
    ending > 0
}

/// Whether workers sleep that will end if nobody calls them.
pub fn has_spare_workers() -> bool {
    let _critical = Critical::enter();
    // One of them may be the process's first kernel thread, which stays.
    BOARD.sleeping() > slots::all().len() as u32 + SPARE + 1 + worker::staying()
}

/// Waits in the hub, and lets those run whose time has come.
fn poll(worker: &'static Worker) {
    worker.mask.enter_base();
    if slots::any_queued() {
        BOARD.end_polling();
        return;
    }
    let deadline = DEADLINES.earliest();
    BOARD.poll_until(deadline);
    let limit = match deadline {
        NEVER => NEVER,
        deadline => deadline.saturating_sub(clock::now()),
    };
    let mut events = Events::new();
    events.take(limit);
    BOARD.end_polling();
    // Before the threads are handed out: this worker is awake to run them. If all slots
    // are busy again it sleeps.
    acquire(worker);
    let mut woken = Woken::new();
    hub::collect(&events, &mut woken);
    super::expire(&mut woken);
    wake::all(woken);
    if events.has_signal() {
        (upcalls::get().look_for_signals)();
    }
}

/// Whether events or deadlines are awaited and nobody looks out for them.
pub fn needs_poller() -> bool {
    !is_polling() && (DEADLINES.earliest() != NEVER || epoll::is_used())
}

/// Forgets all workers; all slots lie idle.
///
/// # Safety
/// No worker runs: at the start, or in a forked child.
pub unsafe fn set_up() {
    start::set_up();
    // SAFETY: as the caller promises.
    unsafe { BOARD.set_up(slots::all().len()) };
}
