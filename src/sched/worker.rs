//! Workers: kernel threads that run green threads.

use core::cell::Cell;
use core::ffi::c_void;
use core::mem::size_of;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use super::mask::KernelMask;
use super::slot::{Pick, Slot};
use super::{After, idle, kernel_thread, switch};
use crate::hub;
use crate::signal;
use crate::sys::futex;
use crate::sys::lock_free;
use crate::sys::pages;
use crate::sys::raw::syscall;
use crate::thread::{Kind, Thread, current, pointer};

/// How often a busy worker glances at the hub and the clock, in dispatches.
const GLANCE_EVERY: u32 = 32;

/// The stack of a worker's base context, in bytes; it also holds the static TLS.
pub const STACK_SIZE: usize = 256 * 1024;

/// Where handlers of faults run, in bytes.
const SIGNAL_STACK_SIZE: usize = 64 * 1024;

/// A worker. Never freed: a thread that was taken off it may still look at it.
pub struct Worker {
    /// The slot that the worker had when it last looked; see [`Slot`].
    slot: AtomicPtr<Slot>,
    base: Cell<*const Thread>,
    running: AtomicPtr<Thread>,
    /// The kernel's id of the worker's thread.
    kernel_id: AtomicU32,
    /// The TCB that the kernel thread was born with: a thread pointer.
    native: Cell<usize>,
    /// The kernel thread's signal mask.
    pub mask: KernelMask,
    /// 1 while the worker sleeps without a slot.
    asleep: AtomicU32,
    /// A wired thread has changed the kernel thread: nobody else may run on it.
    altered: Cell<bool>,
    /// Link in the list of sleeping workers.
    pub(super) next: Cell<*const Worker>,
    /// Link in the list of all workers.
    all_next: AtomicPtr<Worker>,
}

// SAFETY: `Cell`s are touched by the worker's own kernel thread, or (`next`)
// under the lock of the idle lists.
unsafe impl Sync for Worker {}

/// The head of the list of all workers that run, or ever did.
static ALL: AtomicPtr<Worker> = AtomicPtr::new(ptr::null_mut());

/// All workers that run, or ever did, in this process.
pub fn all() -> impl Iterator<Item = &'static Worker> {
    // Acquire: the workers are as they were when pushed. SAFETY: workers are never freed.
    let follow = |link: &AtomicPtr<Worker>| unsafe { link.load(Ordering::Acquire).as_ref() };
    core::iter::successors(follow(&ALL), move |worker| follow(&worker.all_next))
}

/// Forgets all workers: in a forked child they do not exist.
pub fn reset() {
    ALL.store(ptr::null_mut(), Ordering::Relaxed);
}

impl Worker {
    /// A worker without a kernel thread. `None`: no memory.
    pub fn create() -> Option<&'static Self> {
        let memory =
            pages::reserve(size_of::<Self>().next_multiple_of(pages::PAGE))?.cast::<Self>();
        // SAFETY: fresh memory of sufficient size; never freed.
        unsafe {
            memory.write(Self {
                slot: AtomicPtr::new(ptr::null_mut()),
                base: Cell::new(ptr::null()),
                running: AtomicPtr::new(ptr::null_mut()),
                kernel_id: AtomicU32::new(0),
                native: Cell::new(0),
                mask: KernelMask::new(),
                asleep: AtomicU32::new(0),
                altered: Cell::new(false),
                next: Cell::new(ptr::null()),
                all_next: AtomicPtr::new(ptr::null_mut()),
            });
            Some(&*memory)
        }
    }

    /// Makes the calling kernel thread, born with the TCB at `native`, this worker's.
    pub fn adopt_kernel_thread(&self, native: usize) {
        self.native.set(native);
        // SAFETY: no arguments.
        self.kernel_id
            .store(unsafe { syscall!(SYS_gettid) } as u32, Ordering::Relaxed);
        self.mask.adopt();
        lock_free::push(&ALL, self, &self.all_next);
    }

    /// Gives the calling kernel thread, this worker's, an alternate stack for
    /// handlers of faults.
    pub fn install_signal_stack(&self) {
        if let Some(stack) = pages::reserve(SIGNAL_STACK_SIZE) {
            let stack = libc::stack_t {
                ss_sp: stack.cast(),
                ss_flags: 0,
                ss_size: SIGNAL_STACK_SIZE,
            };
            // SAFETY: fresh memory, never freed.
            unsafe { syscall!(SYS_sigaltstack, &raw const stack, 0usize) };
        }
    }

    /// The TCB that the kernel thread was born with, as a thread pointer.
    pub fn native(&self) -> usize {
        self.native.get()
    }

    /// The kernel's id of the worker's thread.
    pub fn kernel_id(&self) -> i32 {
        self.kernel_id.load(Ordering::Relaxed) as i32
    }

    /// Makes the calling kernel thread this worker's, and its context the base.
    pub fn adopt_base(&self) {
        let me = current();
        let pointer = pointer();
        me.set_critical(1);
        me.become_kind(Kind::Base, pointer);
        self.adopt_kernel_thread(pointer);
        self.set_base(me);
        self.set_running(me);
    }

    /// Makes `thread` the worker's base context.
    pub fn set_base(&self, thread: &'static Thread) {
        thread.worker.set(self);
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

    /// The thread that the worker runs, or ran a moment ago.
    pub fn running(&self) -> *const Thread {
        self.running.load(Ordering::Relaxed)
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

    /// Queues `thread` at the worker's slot and returns the queue's length;
    /// `None` if the worker has none.
    #[inline]
    pub fn push(&self, thread: &Thread) -> Option<u32> {
        let queued = self.slot()?.push(self, thread);
        if queued.is_none() {
            self.set_slot(None);
        }
        queued
    }

    /// The next thread to run, with a glance at the hub now and then.
    #[inline]
    pub fn pick(&self) -> Pick {
        let Some(slot) = self.slot() else {
            return Pick::Lost;
        };
        let (pick, ticks) = slot.pick(self);
        match pick {
            Pick::Lost => self.set_slot(None),
            _ if ticks % GLANCE_EVERY == 0 => {
                hub::glance();
            }
            _ => {}
        }
        pick
    }

    /// The kernel thread is that of the green thread it runs, for good.
    pub fn set_altered(&self) {
        self.altered.set(true);
    }

    /// Whether the kernel thread is no longer like the others.
    pub fn is_altered(&self) -> bool {
        self.altered.get()
    }

    /// Sleeps until [`wake`](Self::wake).
    pub(super) fn sleep(&self) {
        while self.asleep.load(Ordering::Acquire) == 1 {
            futex::wait(&self.asleep, 1);
        }
    }

    /// Announces a [`sleep`](Self::sleep).
    pub(super) fn prepare_sleep(&self) {
        self.asleep.store(1, Ordering::Relaxed);
    }

    /// Ends a sleep.
    pub(super) fn wake(&self) {
        self.asleep.store(0, Ordering::Release);
        futex::wake(self.asleep.as_ptr(), 1);
    }

    /// Starts a kernel thread for this worker. `-errno` if there is none.
    pub fn spawn(&'static self) -> Result<(), i32> {
        kernel_thread::start(
            worker_main,
            ptr::from_ref(self).cast_mut().cast(),
            STACK_SIZE,
        )
    }
}

extern "C" fn worker_main(worker: *mut c_void) -> *mut c_void {
    // SAFETY: `spawn` passes a worker, which is never freed.
    let worker = unsafe { &*worker.cast::<Worker>() };
    worker.adopt_base();
    worker.install_signal_stack();
    work(worker)
}

/// The base context's loop: runs whoever is runnable, and sleeps otherwise.
pub fn work(worker: &'static Worker) -> ! {
    let base = worker.base();
    loop {
        if worker.is_altered() {
            worker.mask.close();
            kernel_thread::end();
        }
        if worker.slot().is_none() && !idle::acquire(worker) {
            idle::sleep(worker);
            continue;
        }
        match worker.pick() {
            Pick::Run(thread) => switch::to(base, thread, worker, After::Nothing),
            Pick::Lost => {}
            Pick::Empty => {
                let stolen = worker.slot().map_or(0, |slot| slot.steal(worker));
                if stolen == 0 {
                    // What comes after this look makes the wait in the hub end.
                    signal::deliver_deferred();
                    idle::wait(worker);
                    signal::deliver_deferred();
                }
            }
        }
    }
}
