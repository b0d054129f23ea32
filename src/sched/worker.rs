//! Workers: kernel threads that run green threads.

use core::cell::Cell;
use core::ffi::c_void;
use core::mem::size_of;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use super::mask::KernelMask;
use super::relief::Watch;
use super::slot::{Pick, Slot};
use super::turns::Turns;
use super::{blocking, idle, kernel_thread, slots, statistics, switch, tempo};
use crate::arch::thread::pointer;
use crate::glibc::robust;
use crate::sys::in_child::in_child;
use crate::sys::raw::syscall;
use crate::sys::{clock, futex, lock_free, pages, task_state};
use crate::task::list::List;
use crate::task::{After, Kind, Thread, alternate_stack, current, upcalls};

/// The least size of the stack that handlers begin on, in bytes.
const SIGNAL_STACK_SIZE: usize = 64 * 1024;

/// A worker. Never freed: a thread that was taken off it may still look at it. When its
/// kernel thread has ended another one may become that of the same worker.
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
    watch: Watch,
    /// What the kernel clears when it has left the stack.
    alive: Cell<*const AtomicU32>,
    /// Whether its kernel thread is in a blocking region.
    pub(super) in_region: Cell<bool>,
    /// The turn that it has there.
    pub(super) turn: Cell<Option<&'static Turns>>,
    /// Whether it ends. Written while it sleeps and nobody else knows of it.
    ends: Cell<bool>,
    /// Whether it was to end and could not, because of its kernel thread's children.
    stays: Cell<bool>,
    /// Whether it is among [`ALL`].
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

/// The head of the list of all workers that run, or ever did.
static ALL: AtomicPtr<Worker> = AtomicPtr::new(ptr::null_mut());

/// All workers that run, or ever did, in this process.
pub fn all() -> impl Iterator<Item = &'static Worker> {
    // Acquire: the workers are as they were when pushed. SAFETY: workers are never freed.
    let follow = |link: &AtomicPtr<Worker>| unsafe { link.load(Ordering::Acquire).as_ref() };
    core::iter::successors(follow(&ALL), move |worker| follow(&worker.all_next))
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
    STAYING.store(0, Ordering::Relaxed);
    ALL.store(ptr::null_mut(), Ordering::Relaxed);
    ENDED.store(ptr::null_mut(), Ordering::Relaxed);
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
                kernel_id: AtomicU32::new(0),
                native: Cell::new(0),
                mask: KernelMask::new(),
                signal_stack: Cell::new((0, 0)),
                asleep: AtomicU32::new(0),
                altered: Cell::new(false),
                robust_list: Cell::new(0),
                heirs: robust::List::default(),
                stack: Cell::new(0),
                watch: Watch::default(),
                alive: Cell::new(ptr::null()),
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
    fn is_at_end(&self) -> bool {
        if !self.ends.get() || !kernel_thread::has_children() {
            return self.ends.get();
        }
        self.ends.set(false);
        self.stays.set(true);
        STAYING.fetch_add(1, Ordering::Relaxed);
        false
    }

    /// Has the worker, which sleeps and nobody else knows of, end when it wakes up.
    pub fn end(&self) {
        self.ends.set(true);
    }

    /// Makes the calling kernel thread, born with the TCB at `native`, this worker's.
    pub fn adopt_kernel_thread(&self, native: usize) {
        self.native.set(native);
        // SAFETY: no arguments.
        self.kernel_id
            .store(unsafe { syscall!(SYS_gettid) } as u32, Ordering::Relaxed);
        self.robust_list.set(0);
        self.mask.adopt();
        if !self.listed.replace(true) {
            lock_free::push(&ALL, self, &self.all_next);
        }
    }

    /// Gives the calling kernel thread, this worker's, an alternate stack for handlers to
    /// begin on. Without memory they begin on the interrupted stack.
    pub fn install_signal_stack(&self) {
        if self.signal_stack.get().1 != 0 {
            return self.offer_signal_stack();
        }
        let size = SIGNAL_STACK_SIZE
            .max(4 * alternate_stack::smallest_for_certain())
            .next_multiple_of(pages::PAGE);
        if let Some(guard) = pages::reserve(pages::PAGE + size) {
            // SAFETY: fresh memory, never freed; nobody uses its first page.
            unsafe { pages::protect(guard, pages::PAGE) };
            self.signal_stack.set((guard as usize + pages::PAGE, size));
            self.offer_signal_stack();
        }
    }

    /// Tells the kernel of the worker's alternate stack. The caller is its kernel thread.
    pub fn offer_signal_stack(&self) {
        let (base, size) = self.signal_stack.get();
        if size != 0 {
            alternate_stack::offer(base, size);
        }
    }

    /// Whether `address` is on the worker's alternate stack.
    pub fn has_on_signal_stack(&self, address: usize) -> bool {
        let (base, size) = self.signal_stack.get();
        address.wrapping_sub(base) < size
    }

    /// The TCB that the kernel thread was born with, as a thread pointer.
    pub fn native(&self) -> usize {
        self.native.get()
    }

    /// The kernel's id of the worker's thread.
    pub fn kernel_id(&self) -> i32 {
        self.kernel_id.load(Ordering::Relaxed) as i32
    }

    /// The CPU time that the worker's kernel thread has used, in nanoseconds; 0 if the
    /// kernel does not tell.
    pub fn cpu_time(&self) -> u64 {
        clock::of_kernel_thread(self.kernel_id())
    }

    /// Whether the worker's kernel thread sleeps in the kernel.
    pub fn is_blocked(&self) -> bool {
        task_state::is_asleep(self.kernel_id())
    }

    /// Makes the calling kernel thread this worker's, and its context the base.
    pub fn adopt_base(&self) {
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

    /// Queues all of `threads` at the worker's slot and returns the queue's length;
    /// gives them back if the worker has none.
    #[inline]
    pub fn push(&self, threads: List) -> Result<u32, List> {
        let Some(slot) = self.slot() else {
            return Err(threads);
        };
        let queued = slot.push(self, threads);
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
            _ if tempo::is_time_to_glance(ticks) => {
                super::glance();
                self.watch.look(slot, self);
            }
            _ => {}
        }
        pick
    }

    /// Tells the kernel that the kernel thread, the caller's, has its robust mutexes in the
    /// list at `list`, unless that is 0. It stays when another thread runs: the kernel looks
    /// at the owners.
    pub fn register_robust_list(&self, list: usize) {
        if list != 0 && self.robust_list.replace(list) != list {
            robust::register(list);
        }
    }

    /// Mutexes that a thread leaves for the kernel to release at the end of the kernel
    /// thread, which is the caller's.
    pub fn heirs(&self) -> &robust::List {
        &self.heirs
    }

    /// Whether a thread has left any, and the kernel was told.
    fn has_heirs(&self) -> bool {
        self.robust_list.get() == self.heirs.address()
    }

    /// The kernel thread is that of the green thread it runs, for good.
    pub fn set_altered(&self) {
        self.altered.set(true);
    }

    /// Whether the kernel thread is no longer like the others.
    pub fn is_altered(&self) -> bool {
        self.altered.get()
    }

    /// Sleeps until [`wake`](Self::wake). What was written before that is seen.
    pub(super) fn sleep(&self) {
        while self.asleep.load(Ordering::Acquire) == 1 {
            futex::wait(&self.asleep, 1);
        }
        if self.stays.replace(false) {
            STAYING.fetch_sub(1, Ordering::Relaxed);
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

    /// Starts a kernel thread of the runtime's own that runs no green threads: `main`, with a
    /// worker that never has a slot for its argument. An errno if there is none.
    pub fn start_service(main: extern "C" fn(*mut c_void) -> *mut c_void) -> Result<(), i32> {
        let worker = Self::create().ok_or(libc::EAGAIN)?;
        worker.spawn_as(main).inspect_err(|_| worker.put_by())
    }

    /// Starts a kernel thread for this worker. `-errno` if there is none.
    pub fn spawn(&'static self) -> Result<(), i32> {
        self.spawn_as(worker_main)
    }

    /// [`spawn`](Self::spawn), for a kernel thread that does something else: `main`, with
    /// the worker for its argument.
    fn spawn_as(&'static self, main: extern "C" fn(*mut c_void) -> *mut c_void) -> Result<(), i32> {
        let argument = ptr::from_ref(self).cast_mut().cast();
        kernel_thread::start(main, argument, &self.stack)
    }
}

extern "C" fn worker_main(worker: *mut c_void) -> *mut c_void {
    // SAFETY: `spawn` passes a worker, which is never freed.
    let worker = unsafe { &*worker.cast::<Worker>() };
    worker.adopt_base();
    worker.install_signal_stack();
    work(worker);
    (upcalls::get().deliver_deferred)();
    worker.leave();
    // glibc ends the thread, and counts it among those of the program that have ended.
    ptr::null_mut()
}

/// The base context's loop: runs whoever is runnable, and sleeps otherwise. Until the
/// worker is to [end](Worker::end), or a wired thread has left it.
pub fn work(worker: &'static Worker) {
    let base = worker.base();
    while !worker.is_at_end() {
        blocking::left(worker);
        if worker.is_altered() {
            worker.mask.close();
            if worker.may_end() {
                return;
            }
            kernel_thread::end(worker.has_heirs());
        }
        if worker.slot().is_none() && !idle::acquire(worker) {
            idle::sleep(worker);
            continue;
        }
        match worker.pick() {
            Pick::Run(thread) => switch::to(base, thread, worker, After::Nothing),
            Pick::Lost => {}
            Pick::Empty => {
                let stolen = worker.slot().map_or(0, |slot| slots::steal(slot, worker));
                if stolen == 0 {
                    // What comes after this look makes the wait in the hub end.
                    (upcalls::get().deliver_deferred)();
                    idle::wait(worker);
                    (upcalls::get().deliver_deferred)();
                }
            }
        }
    }
}
