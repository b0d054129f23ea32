//! Slots: the right to run green threads, each with its run queue.

use core::cell::UnsafeCell;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use super::worker::Worker;
use crate::sys::lock::RawLock;
use crate::sys::prefetch;
use crate::thread::{Critical, Thread};

/// The most slots there can be.
pub const MAX_SLOTS: usize = 64;

/// What a thread that goes on where it has parked touches of its stack, in bytes.
const FRAMES: usize = 448;

/// A FIFO of runnable threads, linked through themselves.
pub struct List {
    head: *const Thread,
    tail: *const Thread,
    length: u32,
}

impl List {
    /// An empty list.
    pub const fn new() -> Self {
        Self {
            head: ptr::null(),
            tail: ptr::null(),
            length: 0,
        }
    }

    /// Appends `thread`.
    #[inline]
    pub fn push(&mut self, thread: &Thread) {
        thread.next.set(ptr::null());
        if self.tail.is_null() {
            self.head = thread;
        } else {
            // SAFETY: a queued thread is parked; its block lives.
            unsafe { (*self.tail).next.set(thread) };
        }
        self.tail = thread;
        self.length += 1;
    }

    /// Takes the first.
    #[inline]
    pub fn pop(&mut self) -> Option<&'static Thread> {
        // SAFETY: null, or a queued thread, whose block lives.
        let thread = unsafe { self.head.as_ref()? };
        self.head = thread.next.get();
        if self.head.is_null() {
            self.tail = ptr::null();
        }
        self.length -= 1;
        Some(thread)
    }

    /// The first two will run soon: asks for the block of the second, and for the
    /// stack and the TCB of the first, whose block was asked for a dispatch ago.
    #[inline(always)]
    fn fetch_ahead(&self) {
        // SAFETY: null, or a queued thread, whose block lives.
        if let Some(first) = unsafe { self.head.as_ref() } {
            prefetch::fetch(first.context.get(), FRAMES);
            prefetch::fetch(first.pointer.get() as *const u8, 64);
            prefetch::fetch(first.next.get(), 128);
        }
    }
}

/// A run queue and its lock. The length can be read without it.
pub struct RunQueue {
    lock: RawLock,
    list: UnsafeCell<List>,
    length: AtomicU32,
}

// SAFETY: `list` is only touched under `lock`.
unsafe impl Sync for RunQueue {}

/// Where those queue who have no slot to queue at: woken by foreign threads, by
/// the monitor, or out of a blocking region.
pub static GLOBAL: RunQueue = RunQueue::new();

impl RunQueue {
    const fn new() -> Self {
        Self {
            lock: RawLock::new(),
            list: UnsafeCell::new(List::new()),
            length: AtomicU32::new(0),
        }
    }

    /// How many wait; only a hint unless the caller holds the lock.
    #[inline(always)]
    pub fn len(&self) -> u32 {
        self.length.load(Ordering::Relaxed)
    }

    /// # Safety
    /// The lock is held.
    #[inline(always)]
    unsafe fn with<R>(&self, act: impl FnOnce(&mut List) -> R) -> R {
        // SAFETY: under the lock.
        let list = unsafe { &mut *self.list.get() };
        let result = act(list);
        self.length.store(list.length, Ordering::Relaxed);
        result
    }

    /// Appends `thread`.
    pub fn push(&self, thread: &Thread) {
        let _critical = Critical::enter();
        self.lock.lock();
        // SAFETY: under the lock.
        unsafe { self.with(|list| list.push(thread)) };
        self.lock.unlock();
    }

    /// Takes the older half, unless somebody else is at the queue.
    fn take_half(&self) -> List {
        let mut taken = List::new();
        if self.len() == 0 || !self.lock.try_lock() {
            return taken;
        }
        // SAFETY: under the lock.
        unsafe {
            self.with(|list| {
                for _ in 0..list.length.div_ceil(2) {
                    if let Some(thread) = list.pop() {
                        taken.push(thread);
                    }
                }
            });
        }
        self.lock.unlock();
        taken
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

/// A slot. Whoever wants to use it takes its queue's lock and looks whether it
/// is still the owner: the monitor may have given it away at any time.
#[repr(align(128))]
pub struct Slot {
    queue: RunQueue,
    owner: AtomicPtr<Worker>,
    /// Counts dispatches; a slot whose count stands still is stuck or idle.
    ticks: AtomicU32,
}

static SLOTS: [Slot; MAX_SLOTS] = [const {
    Slot {
        queue: RunQueue::new(),
        owner: AtomicPtr::new(ptr::null_mut()),
        ticks: AtomicU32::new(0),
    }
}; MAX_SLOTS];

/// The global queue is looked at at least once in so many dispatches.
const GLOBAL_EVERY: u32 = 61;

/// Moves a slot's share of the global queue to the end of `local`, whose lock the
/// caller holds; nobody takes the two the other way round.
fn take_share(local: &mut List) {
    GLOBAL.lock.lock();
    // SAFETY: under the lock.
    unsafe {
        GLOBAL.with(|list| {
            for _ in 0..list.length.div_ceil(super::runtime::slots() as u32) {
                if let Some(thread) = list.pop() {
                    local.push(thread);
                }
            }
        });
    }
    GLOBAL.lock.unlock();
}

/// The slots that this process uses.
pub fn all() -> &'static [Slot] {
    &SLOTS[..super::runtime::slots()]
}

impl Slot {
    /// The worker that holds the slot, if any.
    pub fn owner(&self) -> *mut Worker {
        self.owner.load(Ordering::Relaxed)
    }

    /// Dispatches so far.
    pub fn ticks(&self) -> u32 {
        self.ticks.load(Ordering::Relaxed)
    }

    /// How many threads wait at the slot.
    pub fn queued(&self) -> u32 {
        self.queue.len()
    }

    /// Gives the free slot to `worker`.
    pub fn assign(&self, worker: &Worker) {
        self.queue.lock.lock();
        self.owner
            .store(ptr::from_ref(worker).cast_mut(), Ordering::Relaxed);
        self.queue.lock.unlock();
    }

    /// Takes the slot from `owner`, if it still holds it and, where `ticks` is
    /// given, has not dispatched since.
    #[must_use]
    pub fn take_from(&self, owner: *const Worker, ticks: Option<u32>) -> bool {
        self.queue.lock.lock();
        let held = ptr::eq(self.owner(), owner) && ticks.is_none_or(|ticks| ticks == self.ticks());
        if held {
            self.owner.store(ptr::null_mut(), Ordering::Relaxed);
        }
        self.queue.lock.unlock();
        held
    }

    /// Appends `thread` on behalf of `worker` and returns the new length, or
    /// `None` if the slot is no longer the worker's.
    #[inline]
    pub fn push(&self, worker: &Worker, thread: &Thread) -> Option<u32> {
        self.queue.lock.lock();
        let held = ptr::eq(self.owner(), worker);
        if held {
            // SAFETY: under the lock.
            unsafe { self.queue.with(|list| list.push(thread)) };
        }
        let length = self.queue.len();
        self.queue.lock.unlock();
        held.then_some(length)
    }

    /// The next thread for `worker` to run, and how many dispatches there were.
    #[inline]
    pub fn pick(&self, worker: &Worker) -> (Pick, u32) {
        self.queue.lock.lock();
        if !ptr::eq(self.owner(), worker) {
            self.queue.lock.unlock();
            return (Pick::Lost, 0);
        }
        let ticks = self.ticks().wrapping_add(1);
        self.ticks.store(ticks, Ordering::Relaxed);
        if GLOBAL.len() > 0 && (self.queue.len() == 0 || ticks % GLOBAL_EVERY == 0) {
            // SAFETY: under the lock.
            unsafe { self.queue.with(take_share) };
        }
        // SAFETY: under the lock.
        let next = unsafe {
            self.queue.with(|list| {
                let next = list.pop();
                list.fetch_ahead();
                next
            })
        };
        self.queue.lock.unlock();
        let pick = next.map_or(Pick::Empty, Pick::Run);
        (pick, ticks)
    }

    /// Brings half of another slot's queue here; `worker` holds this slot.
    /// Returns how many came.
    pub fn steal(&self, worker: &Worker) -> u32 {
        for victim in all().iter().filter(|victim| !ptr::eq(*victim, self)) {
            let mut loot = victim.queue.take_half();
            let count = loot.length;
            while let Some(thread) = loot.pop() {
                if self.push(worker, thread).is_none() {
                    GLOBAL.push(thread);
                }
            }
            if count > 0 {
                return count;
            }
        }
        0
    }
}

/// Whether any queue has a thread in it.
pub fn any_queued() -> bool {
    GLOBAL.len() > 0 || all().iter().any(|slot| slot.queued() > 0)
}

/// Empties every queue and frees every slot: in a forked child the threads do
/// not exist.
///
/// # Safety
/// The caller is the process's only thread.
pub unsafe fn reset() {
    for queue in SLOTS.iter().map(|slot| &slot.queue).chain([&GLOBAL]) {
        // SAFETY: nobody else runs.
        unsafe { ptr::from_ref(queue).cast_mut().write(RunQueue::new()) };
    }
    for slot in &SLOTS {
        slot.owner.store(ptr::null_mut(), Ordering::Relaxed);
    }
}
