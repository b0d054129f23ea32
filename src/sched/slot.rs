//! A slot: the right to run green threads, with its run queue.
//!
//! | owner | changes with the queue's lock held |
//! | --- | --- |
//! | nobody | [`assign`](Slot::assign), to the worker that was given the slot |
//! | a worker | [`take_from`](Slot::take_from), to nobody: by the worker itself, which has nothing to run or blocks; by the monitor, which finds it stuck |

use core::ptr;

use super::run_queue::{Place, RunQueue};
use super::worker::Worker;
use crate::arch::{cycles, prefetch};
use crate::sys::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};
use crate::task::list::List;
use crate::task::{Thread, rank};

/// What a thread that goes on where it has parked touches of its stack, in bytes.
const FRAMES: usize = 448;

/// The first of `list` will run soon: asks for what it touches.
#[inline(always)]
fn fetch_ahead(list: &List) {
    if let Some(first) = list.first() {
        prefetch::fetch(first.context.get(), FRAMES);
        first.thread().fetch();
    }
}

/// Where those queue who have no slot to queue at.
#[derive(Default)]
#[repr(align(128))]
pub struct Shared {
    /// Woken by foreign threads or by the monitor, or left over from a slot that was closed.
    pub global: RunQueue<{ rank::SHARED_QUEUE }>,
    /// Back from a blocking region, which found all slots busy. The kernel would let a thread
    /// that has slept run before those that compute, too.
    pub returning: RunQueue<{ rank::SHARED_QUEUE }>,
}

impl Shared {
    /// Nobody.
    #[cfg(not(model))]
    pub const fn new() -> Self {
        Self {
            global: RunQueue::new(),
            returning: RunQueue::new(),
        }
    }

    /// How many wait.
    #[inline(always)]
    pub fn len(&self) -> u32 {
        self.global.len() + self.returning.len()
    }
}

/// What a worker finds when it looks for the next thread.
pub enum Pick {
    /// This one.
    Run(&'static Thread),
    /// Nobody is runnable here.
    Empty,
    /// The worker's slot has gone to another.
    Lost,
}

/// See the module. Whoever wants to use a slot takes its queue's lock and looks whether
/// it is still the owner: the monitor may have given it away at any time.
#[derive(Default)]
#[repr(align(128))]
pub struct Slot {
    queue: RunQueue<{ rank::SLOT_QUEUE }>,
    /// Changed with the queue's lock held.
    owner: AtomicPtr<Worker>,
    /// Counts dispatches; a slot whose count stands still is stuck or idle.
    ticks: AtomicU32,
    /// Those that found nobody.
    empty: AtomicU32,
    /// Those that ended in the wait for a lock.
    lock_waits: AtomicU32,
    /// Counts transfers from and to files on disks.
    transfers: AtomicU32,
    /// Counts what threads have done that they might have had to wait for.
    operations: AtomicU32,
    /// Since when the owner holds it, in cycles; changed with the owner, 0 if there is none.
    held_since: AtomicU64,
    /// For how long owners before have held it.
    held: AtomicU64,
}

/// What has been counted at a slot, see [`Slot`]; the counts wrap.
#[derive(Clone, Copy, Default)]
pub struct Counts {
    /// Dispatches.
    pub ticks: u32,
    /// Those that found nobody.
    pub empty: u32,
    /// Those that ended in the wait for a lock.
    pub lock_waits: u32,
    /// Transfers from and to files on disks.
    pub transfers: u32,
    /// What threads have done that they might have had to wait for.
    pub operations: u32,
    /// For how long somebody has held it, in cycles.
    pub held: u64,
}

/// Adds one on behalf of the only one who does.
#[inline(always)]
fn count(counter: &AtomicU32) -> u32 {
    let count = counter.load(Ordering::Relaxed).wrapping_add(1);
    counter.store(count, Ordering::Relaxed);
    count
}

impl Slot {
    /// Nobody's.
    #[cfg(not(model))]
    pub const fn new() -> Self {
        Self {
            queue: RunQueue::new(),
            owner: AtomicPtr::new(ptr::null_mut()),
            ticks: AtomicU32::new(0),
            empty: AtomicU32::new(0),
            lock_waits: AtomicU32::new(0),
            transfers: AtomicU32::new(0),
            operations: AtomicU32::new(0),
            held_since: AtomicU64::new(0),
            held: AtomicU64::new(0),
        }
    }

    /// The worker that holds the slot, if any.
    #[inline(always)]
    pub fn owner(&self) -> *mut Worker {
        self.owner.load(Ordering::Relaxed)
    }

    /// Dispatches so far.
    #[inline(always)]
    pub fn ticks(&self) -> u32 {
        self.ticks.load(Ordering::Relaxed)
    }

    /// How often a thread has been run here.
    pub fn runs(&self) -> u32 {
        self.ticks()
            .wrapping_sub(self.empty.load(Ordering::Relaxed))
    }

    /// The thread that runs here is going to wait for a lock.
    #[inline(always)]
    pub fn count_lock_wait(&self) {
        count(&self.lock_waits);
    }

    /// The thread that runs here reads or writes a file on a disk.
    #[inline(always)]
    pub fn count_transfer(&self) {
        count(&self.transfers);
    }

    /// The thread that runs here has done something that it might have had to wait for.
    #[inline(always)]
    pub fn count_operation(&self) {
        count(&self.operations);
    }

    /// Transfers so far.
    pub fn transfers(&self) -> u32 {
        self.transfers.load(Ordering::Relaxed)
    }

    /// What has been counted so far.
    pub fn counts(&self) -> Counts {
        Counts {
            ticks: self.ticks(),
            empty: self.empty.load(Ordering::Relaxed),
            lock_waits: self.lock_waits.load(Ordering::Relaxed),
            transfers: self.transfers(),
            operations: self.operations.load(Ordering::Relaxed),
            held: self.held(),
        }
    }

    /// For how long somebody has held the slot, in cycles. Where that changes at this moment it
    /// may be one stretch too short or too long.
    fn held(&self) -> u64 {
        let before = self.held.load(Ordering::Relaxed);
        match self.held_since.load(Ordering::Relaxed) {
            0 => before,
            since => before.wrapping_add(cycles::now().wrapping_sub(since)),
        }
    }

    /// How many threads wait at the slot.
    #[inline(always)]
    pub fn queued(&self) -> u32 {
        self.queue.len()
    }

    /// Gives the free slot to `worker`.
    pub fn assign(&self, worker: &Worker) {
        self.queue.with(|_| {
            let worker = ptr::from_ref(worker).cast_mut();
            self.owner.store(worker, Ordering::Relaxed);
            self.held_since.store(cycles::now(), Ordering::Relaxed);
        });
    }

    /// Takes the slot from `owner`, if it still holds it and, where `ticks` is
    /// given, has not dispatched since.
    #[must_use]
    pub fn take_from(&self, owner: *const Worker, ticks: Option<u32>) -> bool {
        self.queue.with(|_| {
            let held =
                ptr::eq(self.owner(), owner) && ticks.is_none_or(|ticks| ticks == self.ticks());
            if held {
                self.owner.store(ptr::null_mut(), Ordering::Relaxed);
                self.held.store(self.held(), Ordering::Relaxed);
                self.held_since.store(0, Ordering::Relaxed);
            }
            held
        })
    }

    /// Puts all of `threads` at that place on behalf of `worker` and returns the new length;
    /// gives them back if the slot is no longer the worker's.
    #[inline]
    pub fn push(&self, worker: &Worker, mut threads: List, place: Place) -> Result<u32, List> {
        self.queue.with(|list| {
            if !ptr::eq(self.owner(), worker) {
                return Err(threads);
            }
            if place == Place::First {
                core::mem::swap(list, &mut threads);
            }
            list.append(threads);
            Ok(list.len())
        })
    }

    /// The next thread for `worker` to run, and how many dispatches there were.
    ///
    /// Threads that wait in `shared` come here as soon as there are any, at the end of the
    /// queue: the slot's share, of one in `slots`. Who comes back from the kernel goes first,
    /// every other time.
    #[inline]
    pub fn pick(&self, worker: &Worker, shared: &Shared, slots: u32) -> (Pick, u32) {
        self.queue.with(|list| {
            if !ptr::eq(self.owner(), worker) {
                return (Pick::Lost, 0);
            }
            let ticks = count(&self.ticks);
            let mut next = None;
            if shared.returning.len() > 0 && (ticks.is_multiple_of(2) || list.len() == 0) {
                next = shared.returning.with(List::pop);
            }
            if shared.global.len() > 0 {
                list.append(shared.global.take_share(slots));
            }
            let next = next.or_else(|| list.pop());
            if next.is_none() {
                count(&self.empty);
            }
            fetch_ahead(list);
            (
                next.map_or(Pick::Empty, |seat| Pick::Run(seat.thread())),
                ticks,
            )
        })
    }

    /// Takes all threads that wait here.
    pub fn drain(&self) -> List {
        self.queue.take_all()
    }

    /// [`RunQueue::take_half`].
    pub fn take_half(&self) -> List {
        self.queue.take_half()
    }
}
