//! Workers: kernel threads that run green threads.

use core::cell::Cell;
use core::ffi::c_void;
use core::mem::{MaybeUninit, size_of};
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use super::slot::{Pick, Slot};
use super::{After, idle, switch};
use crate::hub;
use crate::signal;
use crate::sys::futex;
use crate::sys::pages;
use crate::sys::raw::syscall;
use crate::sys::real::real;
use crate::thread::{Kind, Thread, current};

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
    /// The kernel's signal mask, as last set.
    mask: Cell<u64>,
    /// 1 while the worker sleeps without a slot.
    asleep: AtomicU32,
    /// A wired thread has changed the kernel thread: nobody else may run on it.
    altered: Cell<bool>,
    /// Link in the list of sleeping workers.
    pub(super) next: Cell<*const Worker>,
}

// SAFETY: `Cell`s are touched by the worker's own kernel thread, or (`next`)
// under the lock of the idle lists.
unsafe impl Sync for Worker {}

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
                mask: Cell::new(0),
                asleep: AtomicU32::new(0),
                altered: Cell::new(false),
                next: Cell::new(ptr::null()),
            });
            Some(&*memory)
        }
    }

    /// Makes the calling kernel thread this worker's.
    pub fn adopt_kernel_thread(&self) {
        // SAFETY: no arguments.
        self.kernel_id
            .store(unsafe { syscall!(SYS_gettid) } as u32, Ordering::Relaxed);
        let mut mask = 0u64;
        // SAFETY: `mask` is writable.
        unsafe {
            syscall!(
                SYS_rt_sigprocmask,
                libc::SIG_BLOCK,
                0usize,
                &raw mut mask,
                8
            )
        };
        self.mask.set(mask);
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

    /// The kernel's id of the worker's thread.
    pub fn kernel_id(&self) -> i32 {
        self.kernel_id.load(Ordering::Relaxed) as i32
    }

    /// Makes the calling kernel thread this worker's, and its context the base.
    pub fn adopt_base(&self) {
        let me = current();
        let pointer: usize;
        // SAFETY: the thread pointer is at fs:0.
        unsafe { core::arch::asm!("mov {}, qword ptr fs:[0]", out(reg) pointer) };
        me.set_critical(1);
        me.become_kind(Kind::Base, pointer);
        self.adopt_kernel_thread();
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

    /// Gives the kernel thread the mask of the green thread that it runs.
    #[inline(always)]
    pub fn sync_mask(&self, mask: u64) {
        if self.mask.get() != mask {
            self.set_mask(mask);
        }
    }

    #[cold]
    fn set_mask(&self, mask: u64) {
        // SAFETY: `mask` is live for the call.
        unsafe {
            syscall!(
                SYS_rt_sigprocmask,
                libc::SIG_SETMASK,
                &raw const mask,
                0usize,
                8
            )
        };
        self.mask.set(mask);
    }

    /// The kernel's signal mask, as last set.
    pub fn mask(&self) -> u64 {
        self.mask.get()
    }

    /// Before a sleep: what wakes a worker is never a signal, and the mask of
    /// the moment may be out of date when one comes.
    pub(super) fn block_signals(&self) {
        self.sync_mask(u64::MAX);
    }

    /// Notes a mask that was set behind the scheduler's back.
    pub fn note_mask(&self, mask: u64) {
        self.mask.set(mask);
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
        kernel_thread(
            worker_main,
            ptr::from_ref(self).cast_mut().cast(),
            STACK_SIZE,
        )
    }
}

type RealCreate = unsafe extern "C" fn(
    *mut libc::pthread_t,
    *const libc::pthread_attr_t,
    extern "C" fn(*mut c_void) -> *mut c_void,
    *mut c_void,
) -> i32;

/// glibc's own `pthread_create`.
pub fn real_pthread_create() -> RealCreate {
    real!(pthread_create: RealCreate)
}

/// Starts a detached kernel thread of the runtime's own, all signals blocked.
pub fn kernel_thread(
    main: extern "C" fn(*mut c_void) -> *mut c_void,
    argument: *mut c_void,
    stack_size: usize,
) -> Result<(), i32> {
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    let mut id = 0;
    // SAFETY: plain initialisation and use of the attribute object.
    let result = unsafe {
        libc::pthread_attr_init(attributes.as_mut_ptr());
        libc::pthread_attr_setdetachstate(attributes.as_mut_ptr(), libc::PTHREAD_CREATE_DETACHED);
        libc::pthread_attr_setstacksize(attributes.as_mut_ptr(), stack_size);
        libc::sigfillset(all.as_mut_ptr());
        pthread_attr_setsigmask_np(attributes.as_mut_ptr(), all.as_ptr());
        let create = real_pthread_create();
        let mut result = create(&mut id, attributes.as_ptr(), main, argument);
        if result == libc::EINVAL {
            // The static TLS of this program does not fit: take the default size.
            libc::pthread_attr_init(attributes.as_mut_ptr());
            libc::pthread_attr_setdetachstate(
                attributes.as_mut_ptr(),
                libc::PTHREAD_CREATE_DETACHED,
            );
            pthread_attr_setsigmask_np(attributes.as_mut_ptr(), all.as_ptr());
            result = create(&mut id, attributes.as_ptr(), main, argument);
        }
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        result
    };
    if result == 0 { Ok(()) } else { Err(result) }
}

unsafe extern "C" {
    /// glibc 2.32: the signal mask that the new thread starts with.
    pub fn pthread_attr_setsigmask_np(
        attributes: *mut libc::pthread_attr_t,
        mask: *const libc::sigset_t,
    ) -> i32;
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
            end_kernel_thread();
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

/// The wired thread has ended, and nobody may have its kernel thread. The
/// process's first one stays, since /proc shows the process by it.
fn end_kernel_thread() -> ! {
    let never = AtomicU32::new(0);
    loop {
        // SAFETY: no arguments; ends this kernel thread only, whose stack is
        // never used again.
        unsafe {
            if syscall!(SYS_getpid) != syscall!(SYS_gettid) {
                syscall!(SYS_exit, 0);
            }
        }
        futex::wait(&never, 0);
    }
}
