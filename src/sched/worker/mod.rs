//! Workers: kernel threads that run green threads.
//!
//! Here is what a worker runs, and by which slot; [`kernel`] has what its kernel thread is to the
//! kernel, [`life`] where it comes from and how it ends, [`base`] what it does.

mod base;
mod kernel;
mod life;

use core::cell::Cell;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

pub use base::work;
pub use life::{all, staying};

use super::mask::KernelMask;
use super::relief::Relief;
use super::run_queue::Place;
use super::slot::{Pick, Slot};
use super::turns::Turns;
use super::{slots, statistics, tempo};
use crate::glibc::robust;
use crate::sched;
use crate::task::Thread;
use crate::task::list::List;

/// A worker. Never freed: a thread that was taken off it may still look at it. When its
/// kernel thread has ended another one may become that of the same worker.
pub struct Worker {
    /// The slot that the worker had when it last looked; see [`Slot`].
    slot: AtomicPtr<Slot>,
    base: Cell<*const Thread>,
    running: AtomicPtr<Thread>,
    /// The thread with which it has gone on when it last left its base context.
    begun: Cell<*const Thread>,
    /// The kernel's id of the worker's thread.
    kernel_id: AtomicU32,
    /// The TCB that the kernel thread was born with: a thread pointer.
    native: Cell<usize>,
    /// The kernel thread's signal mask.
    pub mask: KernelMask,
    /// Its alternate signal stack: base, size in bytes.
    signal_stack: Cell<(usize, usize)>,
    /// 1 while the worker sleeps without a slot.
    asleep: AtomicU32,
    /// A wired thread has changed the kernel thread: nobody else may run on it.
    altered: Cell<bool>,
    /// The list of robust mutexes that the kernel was told of last, by its address.
    robust_list: Cell<usize>,
    /// Mutexes that a thread has left for the kernel to release.
    heirs: robust::List,
    /// The lowest address of the kernel thread's stack, if that is the runtime's own.
    stack: Cell<usize>,
    /// The slot that it looks after when it has one itself.
    relief: Relief,
    /// What the kernel clears when it has left the stack.
    alive: Cell<*const AtomicU32>,
    /// The thread that may be ended with its kernel thread, see [`deaths`](crate::sched::deaths).
    mortal: AtomicPtr<Thread>,
    /// The word that the kernel clears then, where it would clear the main thread's id otherwise.
    last_word: AtomicU32,
    /// Whether its kernel thread is in a blocking region.
    pub(super) in_region: Cell<bool>,
    /// The turn that it has there.
    pub(super) turn: Cell<Option<&'static Turns>>,
    /// Whether it ends. Written while it sleeps and nobody else knows of it.
    ends: Cell<bool>,
    /// Whether it was to end and could not, because of its kernel thread's children.
    stays: Cell<bool>,
    /// Whether it is among [`all`].
    listed: Cell<bool>,
    /// Link in the list of sleeping workers.
    pub(super) next: Cell<*const Worker>,
    /// Link in the list of all workers.
    all_next: AtomicPtr<Worker>,
    /// Link in the list of those without a kernel thread.
    idle_next: AtomicPtr<Worker>,
}

// SAFETY: `Cell`s are touched by the worker's own kernel thread, or (`next`)
// under the lock of the idle lists.
unsafe impl Sync for Worker {}

/// The worker that runs `thread`, which is green and runs, or is a base context.
#[inline(always)]
pub fn of(thread: &Thread) -> &'static Worker {
    // SAFETY: what runs on a worker knows it; workers are never freed.
    unsafe { &*thread.worker.load(Ordering::Relaxed).cast() }
}

/// The worker that has last run `thread`, if any has. The answer may be old by the time it is
/// read, unless `thread` is the caller.
pub fn last_of(thread: &Thread) -> Option<&'static Worker> {
    // SAFETY: null, or a worker, which is never freed.
    unsafe {
        thread
            .worker
            .load(Ordering::Relaxed)
            .cast::<Worker>()
            .as_ref()
    }
}

impl Worker {
    /// Makes `thread` the worker's base context.
    pub fn set_base(&self, thread: &'static Thread) {
        thread
            .worker
            .store(ptr::from_ref(self).cast_mut().cast(), Ordering::Relaxed);
        self.base.set(thread);
    }

    /// The worker's base context.
    pub fn base(&self) -> &'static Thread {
        // SAFETY: set before the worker runs anything.
        unsafe { &*self.base.get() }
    }

    /// Notes which thread the worker is about to run.
    #[inline(always)]
    pub fn set_running(&self, thread: &Thread) {
        self.running
            .store(ptr::from_ref(thread).cast_mut(), Ordering::Relaxed);
    }

    /// Notes which thread the worker is about to run, from its base context.
    pub(super) fn begin_thread(&self, thread: &Thread) {
        self.begun.set(thread);
    }

    /// A thread that the worker, which is on its base context, has run lately, if it has run any.
    pub fn lately(&self) -> Option<&'static Thread> {
        // SAFETY: null or a thread's block; those of green threads stay.
        unsafe { self.begun.get().as_ref() }
    }

    /// The thread that the worker runs, or ran a moment ago.
    pub fn running(&self) -> *const Thread {
        self.running.load(Ordering::Relaxed)
    }

    /// Likewise, if there is one.
    pub fn running_thread(&self) -> Option<&'static Thread> {
        // SAFETY: null or a thread's block; those of green threads and of workers' stay.
        unsafe { self.running().as_ref() }
    }

    /// The slot, if the worker had one when it last looked.
    #[inline(always)]
    pub fn slot(&self) -> Option<&'static Slot> {
        // SAFETY: null or one of the static slots.
        unsafe { self.slot.load(Ordering::Relaxed).as_ref() }
    }

    /// Notes the slot that the worker now holds, or none.
    pub fn set_slot(&self, slot: Option<&'static Slot>) {
        self.slot.store(
            slot.map_or(ptr::null_mut(), |slot| ptr::from_ref(slot).cast_mut()),
            Ordering::Relaxed,
        );
    }

    /// Queues all of `threads` at the worker's slot, at that place, and returns the queue's
    /// length; gives them back if the worker has none.
    #[inline]
    pub fn push(&self, threads: List, place: Place) -> Result<u32, List> {
        let Some(slot) = self.slot() else {
            return Err(threads);
        };
        let queued = slot.push(self, threads, place);
        if queued.is_err() {
            self.set_slot(None);
        }
        queued
    }

    /// The thread that the worker runs is going to wait for a lock.
    #[inline(always)]
    pub fn count_lock_wait(&self) {
        if let Some(slot) = self.slot() {
            slot.count_lock_wait();
        }
    }

    /// The thread that the worker runs reads or writes a file on a disk.
    #[inline(always)]
    pub fn count_transfer(&self) {
        if let Some(slot) = self.slot() {
            slot.count_transfer();
        }
    }

    /// The thread that the worker runs has done something that it might have had to wait for.
    #[inline(always)]
    pub fn count_operation(&self) {
        if let Some(slot) = self.slot() {
            slot.count_operation();
        }
    }

    /// The next thread to run, with a glance at the hub now and then.
    #[inline]
    pub fn pick(&self) -> Pick {
        let Some(slot) = self.slot() else {
            return Pick::Lost;
        };
        let (pick, ticks) = slots::pick(slot, self);
        if let Pick::Run(next) = &pick {
            statistics::runs(next, || slots::index(slot));
        }
        match pick {
            Pick::Lost => self.set_slot(None),
            _ if tempo::is_time_to_glance(ticks, slot.queued()) => {
                sched::glance();
                self.relief.look(slot, self);
            }
            _ => {}
        }
        pick
    }
}
