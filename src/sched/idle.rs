//! Slots and workers without work.
//!
//! A worker that finds nothing lays its slot down here. The first such worker
//! waits in the hub, for events and for the next deadline; the others sleep.
//! Whoever makes a thread runnable looks for an idle slot afterwards; whoever
//! lays a slot down looks for runnable threads afterwards. With a full fence
//! between the two steps on either side, one of them sees the other.

use core::cell::UnsafeCell;
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering, fence};

use super::monitor;
use super::slot::{self, Slot};
use super::worker::{self, Worker};
use crate::hub::{self, epoll, timer};
use crate::sys::clock::{self, Instant, NEVER};
use crate::sys::lock::RawLock;
use crate::sys::raw::syscall;
use crate::sys::report;
use crate::thread::{Critical, Kind, current};

struct Lists {
    slots: [*const Slot; slot::MAX_SLOTS],
    count: usize,
    sleepers: *const Worker,
}

struct Idle {
    lock: RawLock,
    lists: UnsafeCell<Lists>,
    /// How many slots lie idle; a hint outside the lock.
    slots: AtomicU32,
    /// Whether a worker waits in the hub, or is about to.
    polling: AtomicBool,
    /// Whether the waiting worker was kicked already.
    kicked: AtomicBool,
    /// Until when the worker in the hub will sleep.
    until: AtomicU64,
}

// SAFETY: `lists` is only touched under `lock`.
unsafe impl Sync for Idle {}

static IDLE: Idle = Idle {
    lock: RawLock::new(),
    lists: UnsafeCell::new(Lists {
        slots: [ptr::null(); slot::MAX_SLOTS],
        count: 0,
        sleepers: ptr::null(),
    }),
    slots: AtomicU32::new(0),
    polling: AtomicBool::new(false),
    kicked: AtomicBool::new(false),
    until: AtomicU64::new(0),
};

impl Idle {
    fn with<R>(&self, act: impl FnOnce(&mut Lists) -> R) -> R {
        let _critical = Critical::enter();
        self.lock.lock();
        // SAFETY: under the lock.
        let lists = unsafe { &mut *self.lists.get() };
        let result = act(lists);
        self.slots.store(lists.count as u32, Ordering::Relaxed);
        self.lock.unlock();
        result
    }
}

impl Lists {
    fn pop_slot(&mut self) -> Option<&'static Slot> {
        self.count = self.count.checked_sub(1)?;
        // SAFETY: the first `count` are static slots.
        Some(unsafe { &*self.slots[self.count] })
    }

    fn push_slot(&mut self, slot: &'static Slot) {
        self.slots[self.count] = slot;
        self.count += 1;
    }

    fn pop_sleeper(&mut self) -> Option<&'static Worker> {
        // SAFETY: null, or a worker, which is never freed.
        let worker = unsafe { self.sleepers.as_ref()? };
        self.sleepers = worker.next.get();
        Some(worker)
    }
}

fn give(slot: &'static Slot, worker: &'static Worker) {
    slot.assign(worker);
    worker.set_slot(Some(slot));
    monitor::slot_in_use();
}

/// Takes an idle slot for the calling worker.
pub fn acquire(worker: &'static Worker) -> bool {
    match IDLE.with(Lists::pop_slot) {
        Some(slot) => {
            give(slot, worker);
            true
        }
        None => false,
    }
}

/// Lays down a slot that nobody owns. Somebody should look for work afterwards.
pub fn lay_down(slot: &'static Slot) {
    IDLE.with(|lists| lists.push_slot(slot));
    // Pairs with the fence in `wake_for_work`.
    fence(Ordering::SeqCst);
}

/// How many slots lie idle.
pub fn idle_slots() -> u32 {
    IDLE.slots.load(Ordering::Relaxed)
}

/// Whether a worker waits in the hub.
pub fn is_polling() -> bool {
    IDLE.polling.load(Ordering::SeqCst)
}

/// A thread has become runnable: if a slot lies idle, puts a worker to it.
#[inline]
pub fn wake_for_work() {
    // Pairs with the fence in `lay_down`.
    fence(Ordering::SeqCst);
    if IDLE.slots.load(Ordering::Relaxed) > 0 {
        wake_worker();
    }
}

/// Who will use an idle slot, see [`wake_worker`].
enum Helper {
    Sleeper(&'static Worker),
    Poller,
    New(&'static Slot),
    Monitor,
}

/// Puts a worker to an idle slot: a sleeping one, else the one in the hub, else
/// a new one. Where no kernel thread is to be had, those who run now must do.
#[cold]
pub fn wake_worker() {
    let me = current();
    // A kernel thread inherits affinity, policy and namespaces from its creator:
    // only those that have the process's own may make one.
    // SAFETY: what is a worker's knows it; workers are never freed.
    let unaltered = || unsafe { !(*me.worker.get()).is_altered() };
    let may_spawn = (me.parks() || me.kind() == Kind::Base) && unaltered();
    let helper = IDLE.with(|lists| {
        if lists.count > 0 && lists.sleepers.is_null() && IDLE.polling.load(Ordering::SeqCst) {
            return Some(Helper::Poller);
        }
        if lists.sleepers.is_null() && !may_spawn {
            return (lists.count > 0).then_some(Helper::Monitor);
        }
        let slot = lists.pop_slot()?;
        match lists.pop_sleeper() {
            Some(worker) => {
                give(slot, worker);
                Some(Helper::Sleeper(worker))
            }
            None => Some(Helper::New(slot)),
        }
    });
    match helper {
        None => {}
        Some(Helper::Monitor) => monitor::rouse(),
        Some(Helper::Sleeper(worker)) => worker.wake(),
        Some(Helper::Poller) => kick(),
        Some(Helper::New(slot)) => spawn_worker(slot),
    }
}

static NO_WORKER: report::Once = report::Once::new();

fn spawn_worker(slot: &'static Slot) {
    let spawned = Worker::create().is_some_and(|worker| {
        give(slot, worker);
        worker.spawn().is_ok() || !slot.take_from(worker, None)
    });
    if !spawned {
        NO_WORKER.line(&[b"cannot start another kernel thread; going on with those there are"]);
        IDLE.with(|lists| lists.push_slot(slot));
    }
}

/// Makes the worker in the hub return.
fn kick() {
    if !IDLE.kicked.swap(true, Ordering::SeqCst) {
        epoll::kick();
    }
}

/// A deadline has become the earliest one.
pub fn deadline_moved(deadline: Instant) {
    // SeqCst pairs with `wait`, which announces itself before it reads the
    // earliest deadline.
    fence(Ordering::SeqCst);
    if IDLE.polling.load(Ordering::SeqCst) && deadline < IDLE.until.load(Ordering::SeqCst) {
        kick();
    }
}

/// Sleeps without a slot until given one.
pub fn sleep(worker: &'static Worker) {
    worker.mask.close();
    worker.prepare_sleep();
    let listed = IDLE.with(|lists| {
        // A slot that was laid down since the caller looked is as good as a wake-up.
        if lists.count > 0 {
            return false;
        }
        worker.next.set(lists.sleepers);
        lists.sleepers = worker;
        true
    });
    if listed {
        worker.sleep();
    }
}

/// The calling worker has found nothing: lays its slot down and waits for work.
pub fn wait(worker: &'static Worker) {
    let Some(slot) = worker.slot() else { return };
    if !slot.take_from(worker, None) {
        worker.set_slot(None);
        return;
    }
    worker.set_slot(None);
    lay_down(slot);
    if slot::any_queued() {
        return;
    }
    if IDLE.polling.swap(true, Ordering::SeqCst) {
        sleep_beside_poller(worker);
        return;
    }
    // After the announcement, and by the poller alone: an earlier poller may have
    // been kicked a moment ago. Who takes that kick for this one's has done its
    // part before, so the looks below see it.
    IDLE.kicked.store(false, Ordering::SeqCst);
    IDLE.until.store(NEVER, Ordering::SeqCst);
    // From here on a new deadline or a new runnable thread kicks. Look once more
    // for those that came before.
    fence(Ordering::SeqCst);
    worker.mask.enter_base();
    if slot::any_queued() {
        IDLE.polling.store(false, Ordering::SeqCst);
        return;
    }
    let deadline = timer::earliest();
    IDLE.until.store(deadline, Ordering::SeqCst);
    let limit = match deadline {
        NEVER => NEVER,
        deadline => deadline.saturating_sub(clock::now()),
    };
    epoll::poll(limit, || {
        IDLE.polling.store(false, Ordering::SeqCst);
        // Before the events are handed out: they make threads runnable, and this
        // worker is awake to run them. If all slots are busy again it sleeps.
        acquire(worker);
    });
    if timer::earliest() != NEVER {
        timer::expire(clock::now());
    }
}

/// [`sleep`], although slots lie idle: another worker waits in the hub for both.
fn sleep_beside_poller(worker: &'static Worker) {
    worker.mask.close();
    worker.prepare_sleep();
    IDLE.with(|lists| {
        worker.next.set(lists.sleepers);
        lists.sleepers = worker;
    });
    // Pairs with the fence in `wake_for_work`: who did not see this sleeper has
    // made its thread runnable before.
    fence(Ordering::SeqCst);
    if slot::any_queued() || !IDLE.polling.load(Ordering::SeqCst) {
        wake_worker();
    }
    worker.sleep();
}

/// The main thread, the caller, has changed its signal mask to `mask`: on return
/// no worker is open to what that blocks, unless a green thread runs there.
pub fn renew_mask(mask: u64) {
    if is_polling() {
        // Without a look at `kicked`, which a new poller may be about to reset. Who
        // waits in the hub comes back with the new mask, whatever it had.
        epoll::kick();
    }
    for worker in worker::all() {
        while worker.mask.in_base() & mask != mask {
            // SAFETY: no arguments.
            unsafe { syscall!(SYS_sched_yield) };
        }
    }
}

/// Whether events or deadlines are awaited and nobody looks out for them.
pub fn needs_poller() -> bool {
    !is_polling() && hub::is_awaited()
}

/// Forgets all workers and slots; the first `count` slots lie idle.
///
/// # Safety
/// No worker runs: at the start, or in a forked child.
pub unsafe fn reset(count: usize) {
    // SAFETY: as the caller promises.
    unsafe {
        ptr::from_ref(&IDLE.lock).cast_mut().write(RawLock::new());
        let lists = &mut *IDLE.lists.get();
        lists.count = 0;
        lists.sleepers = ptr::null();
    }
    IDLE.polling.store(false, Ordering::Relaxed);
    for slot in &slot::all()[..count] {
        lay_down(slot);
    }
}
