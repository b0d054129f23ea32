//! Where workers come from and how they end. One whose kernel thread has ended becomes the next
//! one's.

use core::cell::Cell;
use core::ffi::c_void;
use core::mem::size_of;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use super::Worker;
use super::base::worker_main;
use crate::arch::thread::pointer;
use crate::glibc::robust;
use crate::sched::kernel_thread;
use crate::sched::mask::KernelMask;
use crate::sched::relief::Relief;
use crate::sys::in_child::{in_child, restore};
use crate::sys::task_state;
use crate::sys::{lock_free, pages};
use crate::task::{Kind, current};

/// The head of the list of all workers that run, or ever did.
static WORKERS: AtomicPtr<Worker> = AtomicPtr::new(ptr::null_mut());

/// All workers that run, or ever did, in this process.
pub fn all() -> impl Iterator<Item = &'static Worker> {
    // Acquire: the workers are as they were when pushed. SAFETY: workers are never freed.
    let follow = |link: &AtomicPtr<Worker>| unsafe { link.load(Ordering::Acquire).as_ref() };
    core::iter::successors(follow(&WORKERS), move |worker| follow(&worker.all_next))
}

/// Workers whose kernel threads have ended or are about to. Taken by one thread only, the
/// monitor.
static ENDED: AtomicPtr<Worker> = AtomicPtr::new(ptr::null_mut());

/// How many sleep that could not end.
static STAYING: AtomicU32 = AtomicU32::new(0);

/// How many workers sleep that could not end.
pub fn staying() -> u32 {
    STAYING.load(Ordering::Relaxed)
}

/// Forgets all workers: in a forked child they do not exist.
fn reset() {
    restore(&STAYING, 0);
    restore(&WORKERS, ptr::null_mut());
    restore(&ENDED, ptr::null_mut());
}

in_child!(reset);

impl Worker {
    /// A worker without a kernel thread. `None`: no memory.
    pub fn create() -> Option<&'static Self> {
        if let Some(ended) = lock_free::pop(&ENDED, |worker: &Self| &worker.idle_next) {
            if ended.is_gone() {
                ended.ends.set(false);
                ended.altered.set(false);
                return Some(ended);
            }
            ended.put_by();
        }
        let memory =
            pages::reserve(size_of::<Self>().next_multiple_of(pages::PAGE))?.cast::<Self>();
        // SAFETY: fresh memory of sufficient size; never freed.
        unsafe {
            memory.write(Self {
                slot: AtomicPtr::new(ptr::null_mut()),
                base: Cell::new(ptr::null()),
                running: AtomicPtr::new(ptr::null_mut()),
                begun: Cell::new(ptr::null()),
                kernel_id: AtomicU32::new(0),
                native: Cell::new(0),
                mask: KernelMask::new(),
                signal_stack: Cell::new((0, 0)),
                asleep: AtomicU32::new(0),
                altered: Cell::new(false),
                robust_list: Cell::new(0),
                heirs: robust::List::default(),
                stack: Cell::new(0),
                relief: Relief::default(),
                alive: Cell::new(ptr::null()),
                mortal: AtomicPtr::new(ptr::null_mut()),
                last_word: AtomicU32::new(0),
                in_region: Cell::new(false),
                turn: Cell::new(None),
                ends: Cell::new(false),
                stays: Cell::new(false),
                listed: Cell::new(false),
                next: Cell::new(ptr::null()),
                all_next: AtomicPtr::new(ptr::null_mut()),
                idle_next: AtomicPtr::new(ptr::null_mut()),
            });
            Some(&*memory)
        }
    }

    /// Keeps the worker, whose kernel thread ends or has never begun, for
    /// [`create`](Self::create).
    pub fn put_by(&self) {
        lock_free::push(&ENDED, self, &self.idle_next);
    }

    /// The worker's kernel thread, the caller, is about to return from its first function.
    pub fn leave(&self) {
        self.running.store(ptr::null_mut(), Ordering::Relaxed);
        self.begun.set(ptr::null());
        self.put_by();
    }

    /// Whether there is no kernel thread of the worker's, nor on its stack.
    fn is_gone(&self) -> bool {
        // SAFETY: null, or in a TCB on the stack, which stays. Acquire: the kernel's store
        // comes after all that was done there.
        unsafe { self.alive.get().as_ref() }.is_none_or(|alive| alive.load(Ordering::Acquire) == 0)
    }

    /// Whether the kernel thread can end: the process's first one is to stay.
    pub fn may_end(&self) -> bool {
        self.stack.get() != 0 && !self.stays.get()
    }

    /// Whether the worker is to end now. Not while its kernel thread has children: those that
    /// have asked for a signal at their parent's death (`PR_SET_PDEATHSIG`) would get it. Such
    /// a worker sleeps on, and may end after it was called the next time.
    pub(super) fn is_at_end(&self) -> bool {
        if !self.ends.get() || !kernel_thread::has_children() {
            return self.ends.get();
        }
        self.ends.set(false);
        self.stays.set(true);
        STAYING.fetch_add(1, Ordering::Relaxed);
        false
    }

    /// The worker was called: it may end the next time.
    pub(super) fn may_end_again(&self) {
        if self.stays.replace(false) {
            STAYING.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Has the worker, which sleeps and nobody else knows of, end when it wakes up.
    pub fn end(&self) {
        self.ends.set(true);
    }

    /// Starts a kernel thread of the runtime's own that runs no green threads: `main`, with a
    /// worker that never has a slot for its argument: its id, or an errno if there is none.
    pub fn start_service(
        main: extern "C" fn(*mut c_void) -> *mut c_void,
    ) -> Result<libc::pthread_t, i32> {
        let worker = Self::create().ok_or(libc::EAGAIN)?;
        worker.spawn_as(main).inspect_err(|_| worker.put_by())
    }

    /// Starts a kernel thread for this worker. An errno if there is none.
    pub fn spawn(&'static self) -> Result<(), i32> {
        self.spawn_as(worker_main).map(|_| ())
    }

    /// [`spawn`](Self::spawn), for a kernel thread that does something else: `main`, with
    /// the worker for its argument.
    fn spawn_as(
        &'static self,
        main: extern "C" fn(*mut c_void) -> *mut c_void,
    ) -> Result<libc::pthread_t, i32> {
        let argument = ptr::from_ref(self).cast_mut().cast();
        kernel_thread::start(main, argument, &self.stack)
    }

    /// Makes the calling kernel thread, born with the TCB at `native`, this worker's.
    pub fn adopt_kernel_thread(&self, native: usize) {
        self.native.set(native);
        self.kernel_id
            .store(task_state::own_id() as u32, Ordering::Relaxed);
        self.robust_list.set(0);
        self.mask.adopt();
        if !self.listed.replace(true) {
            lock_free::push(&WORKERS, self, &self.all_next);
        }
    }

    /// The worker of the calling kernel thread, which begins: that is the worker's from here on, and its
    /// context the base.
    ///
    /// # Safety
    /// `argument` is that of the kernel thread's start routine.
    pub unsafe fn begin(argument: *mut c_void) -> &'static Self {
        // SAFETY: passed by `spawn_as`; workers are never freed.
        let worker = unsafe { &*argument.cast::<Self>() };
        worker.adopt_base();
        worker
    }

    fn adopt_base(&self) {
        let me = current();
        let pointer = pointer();
        me.set_critical(1);
        me.become_kind(Kind::Base, pointer);
        // A forked child would go on with the registration, on another TCB.
        me.tcb().unregister_rseq();
        me.tcb().disable_rseq();
        self.alive.set(me.tcb().id());
        self.adopt_kernel_thread(pointer);
        self.set_base(me);
        self.set_running(me);
    }
}
