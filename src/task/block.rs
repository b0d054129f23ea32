//! A thread's private block.

use core::cell::Cell;
use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{
    AtomicBool, AtomicI32, AtomicPtr, AtomicU8, AtomicU64, AtomicUsize, Ordering,
};

use super::alternate_stack::AltStack;
use super::current::{self, Critical};
use super::errand::Errands;
use super::event_loop::EventLoop;
use super::haste::Haste;
use super::life::Life;
use super::name::Name;
use super::node::Node;
use super::pending::Pending;
use super::quantum::Quantum;
use super::retry::Retry;
use super::timer::Timer;
use super::word::{Cancellation, ParkWord, Sleeper};
use super::{main_thread, stack};
use crate::arch::floating::Control;
use crate::glibc::tcb::Tcb;

/// What stands behind a thread pointer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Kind {
    /// A kernel thread that libgreen does not schedule: one that it did not
    /// make, one that asked for what only a kernel thread has, or any thread
    /// of a process that never made a second one. All zeros, so that this is
    /// what a fresh TLS block says.
    Foreign = 0,
    /// A green thread.
    Green,
    /// A worker's own context, on which it looks for work.
    Base,
}

/// What ties a green thread to its kernel thread.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
enum Bond {
    /// Nothing: it parks by giving its worker to another.
    None = 0,
    /// A handler that runs on the worker's alternate stack.
    Pinned,
    /// The kernel knows it by its kernel thread for a while, see [`crate::sched::tie`].
    Tied,
    /// It owns its kernel thread for good.
    Wired,
    /// A child that shares the process's memory runs on it.
    Lent,
}

/// A thread's state before it was lent.
#[repr(C)]
pub struct Lent {
    depth: u32,
    bond: u8,
}

/// What the next context does for the one that switched to it, once that one's
/// registers are in memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum After {
    /// Nothing: a worker's base context is never in a queue.
    Nothing,
    /// Complete the rendezvous of a thread that parks.
    Publish,
    /// Put a thread that only yields back into a run queue.
    Requeue,
    /// Put a thread that comes back from a blocking region where it runs soon.
    Return,
    /// Let joiners know that a thread has ended and its stack is free.
    Retire,
}

/// `pthread_create`'s start routine. It may be left by forced unwinding.
pub type StartRoutine = unsafe extern "C-unwind" fn(*mut c_void) -> *mut c_void;

/// A thread's private block.
///
/// It lies in libgreen's own thread-local storage, so its address is a constant
/// offset from the thread pointer: [`current`] is one addition, a `pthread_t`
/// leads to it by another, and it lives as long as the TCB does. For a green
/// thread that is until the process forks or ends: husks are reused, not freed.
///
/// Who may touch what:
/// - `Cell`s belong to the thread itself while it runs and, while it does not,
///   to the worker that takes it out of or puts it into a queue;
/// - atomics are for everybody.
#[repr(C, align(64))]
pub struct Thread {
    /// How deep the thread is in runtime code; above 0 no handler of the
    /// program runs on top of it.
    pub(super) critical: Cell<u32>,
    /// The ranks of the locks that it holds, a bit each.
    #[cfg(debug_assertions)]
    pub(super) locks: Cell<u32>,
    /// A [`Kind`].
    kind: AtomicU8,
    /// Whether the thread may go on on another kernel thread.
    ///
    /// A [`Bond`].
    bond: AtomicU8,
    /// Set when descriptor numbers mean other files to the thread than to the
    /// process.
    apart: Cell<bool>,
    /// Set when the thread's kernel thread has what the threads that it creates inherit,
    /// see [`crate::sched::kernel_state`].
    distinct: AtomicBool,
    /// The id of the kernel thread that a wired thread owns; 0 for all others.
    kernel_thread: AtomicI32,
    /// The park/unpark rendezvous.
    pub(crate) word: ParkWord,
    /// The saved stack pointer while the thread is switched out.
    pub(crate) context: Cell<*const c_void>,
    /// The thread pointer (FS base), a constant of the TCB.
    pub(crate) pointer: Cell<usize>,
    /// The worker that runs the thread, rewritten at each resume; see
    /// [`worker::of`](crate::sched::worker::of).
    pub(crate) worker: AtomicPtr<c_void>,
    /// Whether timers signal it, and not the process, by its kernel thread.
    pub(crate) timed: AtomicBool,
    /// Whether it leaves the CPU soon after it has woken others.
    pub(crate) haste: Haste,
    /// How long it has gone on without waiting.
    pub(crate) quantum: Quantum,
    /// What is known of it as an event loop.
    pub(crate) event_loop: EventLoop,
    /// When it has last become runnable, in cycles, where that is counted.
    pub(crate) runnable_since: Cell<u64>,
    /// What the next context has to do once this one is saved.
    pub(crate) after: Cell<After>,
    /// Where the thread goes when it switches out.
    pub(crate) successor: Cell<*const Thread>,
    /// Link in a run queue or in the pool of free husks.
    pub(crate) next: Cell<*const Thread>,
    /// Signals that wait for the thread.
    pub(crate) pending: Pending,
    /// What others have asked the thread to do.
    pub(crate) errands: Errands,
    /// The thread's signal mask, as the kernel has it while the thread runs.
    pub(crate) mask: AtomicU64,
    /// The mask that was set last, or returned to: without what is blocked for the length
    /// of a handler.
    pub(crate) settled_mask: AtomicU64,
    /// The kernel's mask while the thread forks.
    pub(crate) mask_at_fork: Cell<u64>,
    /// Whether it keeps the hub where it is meanwhile.
    pub(crate) holds_hub_at_fork: Cell<bool>,
    /// Signals that the thread waits for in the kernel, see [`crate::signal::wait`].
    pub(crate) awaits: AtomicU64,
    /// Whether somebody has asked for the thread's cancellation.
    pub(crate) cancelled: AtomicBool,
    /// What repeats the request.
    pub(crate) retry: Retry,
    /// In a lookup that can be left where it waits for name servers: whether the thread can be
    /// cancelled outside of it.
    pub(crate) lookup: Cell<Option<i32>>,
    /// Whether the thread is in the list of those who have to look at what is
    /// pending for them, see [`crate::signal::send`].
    pub(crate) deferred: AtomicBool,
    /// Link in that list.
    pub(crate) deferred_next: AtomicPtr<Thread>,
    /// Handlers that have run on the thread, see [`crate::signal::Watch`].
    pub(crate) handled: Cell<u32>,
    /// Those of them that were installed without `SA_RESTART`.
    pub(crate) not_restarting: Cell<u32>,
    /// The real-time priority, by which waiting threads are woken; 0 for none.
    rank: AtomicU8,
    /// Link in the wait queue of an address.
    pub(crate) node: Node,
    /// Link in the same bucket while a handler runs in the midst of a wait, see
    /// [`step_out`](crate::wait::queue::Queues::step_out); its tag counts.
    pub(crate) absence: Node,
    /// Link in the timer heap.
    pub(crate) timer: Timer,

    /// What `sigaltstack` was told.
    pub(crate) alternate_stack: Cell<AltStack>,
    /// The mask to go back to while a call has changed it for its own length, see
    /// [`crate::signal::mask::during`].
    pub(crate) suspended_mask: Cell<Option<u64>>,

    /// Join and detach.
    pub(crate) life: Life,
    /// The id that the program sees; beyond the kernel's range unless the
    /// thread is the main one.
    pub(crate) tid: AtomicI32,
    /// How many reasons there are for the thread to be [tied](crate::sched::tie), if it is
    /// green.
    pub(crate) ties: Cell<u32>,
    pub(crate) start: Cell<Option<StartRoutine>>,
    pub(crate) argument: Cell<*mut c_void>,
    /// What a thread on a new husk begins with, its creator's.
    pub(crate) floating: Cell<Control>,
    pub(crate) result: Cell<*mut c_void>,
    /// Where the husk's donor left off: the highest address that contexts may use.
    pub(crate) stack_top: AtomicUsize,
    pub(crate) stack: stack::Placement,
    /// Whether all of the husk's stack but its top was given back to the kernel.
    pub(crate) is_hollow: Cell<bool>,
    /// Whether the donor may still be there.
    pub(crate) has_donor: AtomicBool,
    pub(crate) name: Name,
    /// Whom the thread is joining.
    pub(crate) joins: AtomicPtr<Thread>,
    /// Link in the list of all husks, see [`husk::all`].
    pub(crate) all_next: AtomicPtr<Thread>,
}

// SAFETY: see "who may touch what" above: every `Cell` has one owner at a time,
// and ownership passes through a lock or the rendezvous in `wait`.
unsafe impl Sync for Thread {}

impl Thread {
    /// What the thread is.
    #[inline(always)]
    pub fn kind(&self) -> Kind {
        match self.kind.load(Ordering::Relaxed) {
            0 => Kind::Foreign,
            1 => Kind::Green,
            _ => Kind::Base,
        }
    }

    /// Whether the thread parks by giving its worker to another; the others
    /// block their kernel thread.
    #[inline(always)]
    pub fn parks(&self) -> bool {
        self.kind.load(Ordering::Relaxed) == Kind::Green as u8
            && self.bond.load(Ordering::Relaxed) == Bond::None as u8
    }

    /// Opens a wait of the calling thread, which `cancellation` ends: from here on wakers
    /// may claim it.
    #[inline(always)]
    pub(crate) fn arm(&self, cancellation: Cancellation) {
        let sleeper = if self.parks() {
            Sleeper::Green
        } else {
            Sleeper::Kernel
        };
        self.word.arm(cancellation, sleeper);
    }

    /// The place among those who wait on an address: the higher one is woken first.
    #[inline(always)]
    pub(crate) fn rank(&self) -> u8 {
        self.rank.load(Ordering::Relaxed)
    }

    /// Sets that, for waits to come.
    pub(crate) fn set_rank(&self, rank: u8) {
        self.rank.store(rank, Ordering::Relaxed);
    }

    /// Its thread control block.
    pub(crate) fn tcb(&self) -> Tcb {
        // SAFETY: the block lies in the TLS of that very TCB.
        unsafe { Tcb::at(current::pointer_of(self)) }
    }

    /// Writes the id that the program sees where glibc keeps it: owners of recursive locks
    /// go by it.
    pub(crate) fn write_id(&self) {
        // Release: with it, that the donor is gone.
        self.tcb()
            .id()
            .store(self.tid.load(Ordering::Relaxed) as u32, Ordering::Release);
    }

    /// Whether stack and TCB are libgreen's own making: all but the main thread's.
    pub(crate) fn is_husk(&self) -> bool {
        self.stack.size() > 0
    }

    /// Makes the block that of a thread of kind `kind` at thread pointer
    /// `pointer`.
    pub(crate) fn become_kind(&self, kind: Kind, pointer: usize) {
        self.pointer.set(pointer);
        self.node.set_thread(self);
        self.timer.set_thread(self);
        self.bond.store(Bond::None as u8, Ordering::Relaxed);
        self.apart.set(false);
        self.distinct.store(false, Ordering::Relaxed);
        self.timed.store(false, Ordering::Relaxed);
        self.kernel_thread.store(0, Ordering::Relaxed);
        self.kind.store(kind as u8, Ordering::Relaxed);
    }

    /// Whether the thread is inside the runtime, where no handler may run.
    pub(crate) fn is_critical(&self) -> bool {
        self.critical.get() > 0
    }

    /// Whether the end of the section that the thread is in is that of all.
    pub(crate) fn is_critical_once(&self) -> bool {
        self.critical.get() == 1
    }

    /// From here on the thread owns its kernel thread, which has that id, and blocks it
    /// instead of parking.
    pub(crate) fn set_wired(&self, kernel_thread: i32) {
        self.bond.store(Bond::Wired as u8, Ordering::Relaxed);
        self.kernel_thread.store(kernel_thread, Ordering::Release);
    }

    /// Whether it does.
    #[inline(always)]
    pub(crate) fn is_wired(&self) -> bool {
        self.bond.load(Ordering::Relaxed) == Bond::Wired as u8
    }

    /// The id of the kernel thread that the thread owns, if it does. For everybody.
    pub(crate) fn kernel_thread(&self) -> Option<i32> {
        match self.kernel_thread.load(Ordering::Acquire) {
            0 => None,
            id => Some(id),
        }
    }

    /// The thread, which parks, blocks its kernel thread instead until [`untie`](Self::untie).
    pub(crate) fn set_tied(&self) {
        self.bond.store(Bond::Tied as u8, Ordering::Relaxed);
    }

    /// The end of [`set_tied`](Self::set_tied); false if something else binds the thread.
    pub(crate) fn untie(&self) -> bool {
        let is_tied = self.bond.load(Ordering::Relaxed) == Bond::Tied as u8;
        if is_tied {
            self.bond.store(Bond::None as u8, Ordering::Relaxed);
        }
        is_tied
    }

    /// A handler begins to run on the worker's alternate stack: until [`unpin`](Self::unpin)
    /// the thread blocks its kernel thread instead of parking.
    pub(crate) fn pin(&self) {
        if self.bond.load(Ordering::Relaxed) == Bond::None as u8 {
            self.bond.store(Bond::Pinned as u8, Ordering::Relaxed);
        }
    }

    /// The handler is at its end.
    pub(crate) fn unpin(&self) {
        if self.is_pinned() {
            let bond = match self.ties.get() {
                0 => Bond::None,
                _ => Bond::Tied,
            };
            self.bond.store(bond as u8, Ordering::Relaxed);
        }
    }

    /// Whether a handler runs on the worker's alternate stack.
    #[inline(always)]
    pub(crate) fn is_pinned(&self) -> bool {
        self.bond.load(Ordering::Relaxed) == Bond::Pinned as u8
    }

    /// Whether `address` is on the stack that the thread has begun on.
    pub(crate) fn has_on_stack(&self, address: usize) -> bool {
        match self.stack.size() {
            0 => main_thread::has_on_stack(address),
            size => address.wrapping_sub(self.stack.base()) < size,
        }
    }

    /// From here on the kernel thread, which is the thread's own, has descriptors of its
    /// own.
    pub(crate) fn set_apart(&self) {
        self.apart.set(true);
    }

    /// Whether the caller, whose thread this is, has descriptors of its own: what it does
    /// to a number is nobody else's affair.
    #[inline(always)]
    pub(crate) fn is_apart(&self) -> bool {
        self.apart.get() || self.is_lent()
    }

    /// From here on the kernel thread, which is the thread's own, has what the threads that
    /// it creates inherit.
    pub(crate) fn set_distinct(&self) {
        self.distinct.store(true, Ordering::Relaxed);
    }

    /// Whether the threads that the caller creates must be its kernel thread's children.
    pub(crate) fn is_distinct(&self) -> bool {
        self.distinct.load(Ordering::Relaxed)
    }

    /// Lends the thread to a child, see [`crate::sched::lend`]: what to
    /// [take back](Self::take_back).
    pub(crate) fn lend(&self) -> Lent {
        let before = Lent {
            depth: self.critical.get(),
            bond: self.bond.swap(Bond::Lent as u8, Ordering::Relaxed),
        };
        self.set_critical(before.depth + 1);
        before
    }

    /// The end of what [`lend`](Self::lend) has begun. What has come for the thread
    /// meanwhile is handled.
    pub(crate) fn take_back(&'static self, before: Lent) {
        self.bond.store(before.bond, Ordering::Relaxed);
        // However the child has left it.
        self.set_critical(before.depth + 1);
        self.leave_critical();
    }

    /// Whether the thread is lent to a child.
    #[inline(always)]
    pub(crate) fn is_lent(&self) -> bool {
        self.bond.load(Ordering::Relaxed) == Bond::Lent as u8
    }

    /// Whether the caller, whose thread this is, is a green thread, and no child that has
    /// borrowed one.
    #[inline(always)]
    pub(crate) fn is_green(&self) -> bool {
        self.kind() == Kind::Green && !self.is_lent()
    }

    /// Makes the block that of a plain kernel thread again.
    pub(crate) fn become_foreign(&self) {
        self.critical.set(0);
        self.bond.store(Bond::None as u8, Ordering::Relaxed);
        self.ties.set(0);
        self.apart.set(false);
        self.distinct.store(false, Ordering::Relaxed);
        self.timed.store(false, Ordering::Relaxed);
        self.kernel_thread.store(0, Ordering::Relaxed);
        self.word.reset();
        self.absence.reset();
        // Its parent's.
        self.pending.open(|_| ());
        self.errands.forget();
        self.forget_signals();
        self.deferred.store(false, Ordering::Relaxed);
        self.retry.forget();
        self.kind.store(Kind::Foreign as u8, Ordering::Relaxed);
    }

    /// Ends the critical section that a thread is born in.
    pub(crate) fn leave_critical(&'static self) {
        drop(Critical::adopt(self));
    }

    /// Sets the depth that a first-run context starts with.
    pub(crate) fn set_critical(&self, depth: u32) {
        self.critical.set(depth);
    }

    /// Whether the two are the same thread.
    pub(crate) fn is(&self, other: &Thread) -> bool {
        ptr::eq(self, other)
    }

    /// The thread waits for no signal, and nobody has asked for its cancellation.
    pub(crate) fn forget_signals(&self) {
        self.awaits.store(0, Ordering::Relaxed);
        self.cancelled.store(false, Ordering::Relaxed);
    }

    /// Whether a request for the thread's cancellation ends the wait that it is in.
    pub(crate) fn waits_until_cancelled(&self) -> bool {
        match self.word.cancellation() {
            Cancellation::Never => false,
            Cancellation::Asynchronous => self.tcb().allows_cancellation_anywhere(),
            Cancellation::Point => self.tcb().allows_cancellation(),
        }
    }

    /// Signals that wait for the thread while it waits for them.
    pub(crate) fn awaited(&self) -> u64 {
        // SeqCst: who sends one marks it pending, then looks whether it is awaited.
        self.pending.bits_now() & self.awaits.load(Ordering::SeqCst)
    }

    /// Signals that wait for the thread and that it does not block.
    #[inline(always)]
    pub(crate) fn deliverable(&self) -> u64 {
        self.pending.bits() & !self.mask.load(Ordering::Relaxed)
    }
}
