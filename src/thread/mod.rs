//! Green threads: what `pthread_create` makes, from a husk to its exit.

pub mod attributes;
pub mod cancel;
pub mod create;
mod current;
pub mod entry;
pub mod exit;
pub mod husk;
pub mod join;
pub mod keys;
pub mod main_thread;
pub mod native;
pub mod robust;
pub mod stack;
pub mod start;
pub mod tcb;
pub mod tls;
pub mod wait;

use core::cell::Cell;
use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use crate::hub::timer::Timer;
use crate::sched::After;
use crate::sched::worker::Worker;
use crate::signal;
use crate::sync::queue::Node;

pub use current::{Critical, current, green, green_or_wired, of_pthread, pointer};

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
    critical: Cell<u32>,
    kind: Cell<Kind>,
    /// Set when the thread owns its kernel thread for good.
    wired: Cell<bool>,
    /// The park/unpark rendezvous, see [`wait`].
    pub(crate) wait: AtomicU32,
    /// The saved stack pointer while the thread is switched out.
    pub(crate) context: Cell<*const c_void>,
    /// The thread pointer (FS base), a constant of the TCB.
    pub(crate) pointer: Cell<usize>,
    /// The worker that runs the thread, rewritten at each resume.
    pub(crate) worker: Cell<*const Worker>,
    /// What the next context has to do once this one is saved.
    pub(crate) after: Cell<After>,
    /// Where the thread goes when it switches out.
    pub(crate) successor: Cell<*const Thread>,
    /// Link in a run queue or in the pool of free husks.
    pub(crate) next: Cell<*const Thread>,
    /// Signals that wait for the thread (bit `n - 1` for signal `n`).
    pub(crate) pending: AtomicU64,
    /// The thread's signal mask, as the kernel has it while the thread runs.
    pub(crate) mask: AtomicU64,
    /// Signals that the thread waits for in the kernel, see [`crate::signal::wait`].
    pub(crate) awaits: AtomicU64,
    /// Whether somebody has asked for the thread's cancellation.
    pub(crate) cancelled: AtomicBool,
    /// Whether the thread is in the list of those who have to look at what is
    /// pending for them, see [`crate::signal::send`].
    pub(crate) deferred: AtomicBool,
    /// Link in that list.
    pub(crate) deferred_next: AtomicPtr<Thread>,
    /// Handlers that have run on the thread, see [`crate::signal::Watch`].
    pub(crate) handled: Cell<u32>,
    /// Those of them that were installed without `SA_RESTART`.
    pub(crate) not_restarting: Cell<u32>,

    /// Link in the wait queue of an address.
    pub(crate) node: Node,
    /// Link in the timer heap.
    pub(crate) timer: Timer,

    /// What `sigaltstack` was told: base, size in bytes, enabled.
    pub(crate) alternate_stack: Cell<(*mut c_void, usize, bool)>,

    /// Join and detach, see [`join`].
    pub(crate) life: AtomicU32,
    /// The id that the program sees; beyond the kernel's range unless the
    /// thread is the main one.
    pub(crate) tid: Cell<i32>,
    pub(crate) start: Cell<Option<StartRoutine>>,
    pub(crate) argument: Cell<*mut c_void>,
    pub(crate) result: Cell<*mut c_void>,
    /// Where the husk's donor left off: the highest address that contexts may use.
    pub(crate) stack_top: AtomicUsize,
    pub(crate) stack: stack::Placement,
    /// Written by the kernel (0) when the donor is gone.
    pub(crate) donor: AtomicU32,
    pub(crate) name: Cell<[u8; 16]>,
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
        self.kind.get()
    }

    /// Whether the thread parks by giving its worker to another; the others
    /// block their kernel thread.
    #[inline(always)]
    pub fn parks(&self) -> bool {
        self.kind.get() == Kind::Green && !self.wired.get()
    }

    /// Makes the block that of a thread of kind `kind` at thread pointer
    /// `pointer`.
    pub(crate) fn become_kind(&self, kind: Kind, pointer: usize) {
        self.pointer.set(pointer);
        self.node.set_thread(self);
        self.timer.set_thread(self);
        self.wired.set(false);
        self.kind.set(kind);
    }

    /// Whether the thread is inside the runtime, where no handler may run.
    pub(crate) fn is_critical(&self) -> bool {
        self.critical.get() > 0
    }

    /// From here on the thread blocks its kernel thread instead of parking.
    pub(crate) fn set_wired(&self) {
        self.wired.set(true);
    }

    /// Makes the block that of a plain kernel thread again.
    pub(crate) fn become_foreign(&self) {
        self.critical.set(0);
        self.wired.set(false);
        self.wait.store(0, Ordering::Relaxed);
        self.forget_signals();
        self.deferred.store(false, Ordering::Relaxed);
        self.kind.set(Kind::Foreign);
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

    /// No signal and no request has come for the thread yet.
    pub(crate) fn forget_signals(&self) {
        self.pending.store(0, Ordering::Relaxed);
        self.awaits.store(0, Ordering::Relaxed);
        self.cancelled.store(false, Ordering::Relaxed);
    }

    /// Takes `signal` out of those that wait for the thread; false if it was not
    /// among them.
    pub(crate) fn take_pending(&self, signal: i32) -> bool {
        let bit = signal::bit(signal);
        self.pending.fetch_and(!bit, Ordering::AcqRel) & bit != 0
    }

    /// Signals that wait for the thread while it waits for them.
    pub(crate) fn awaited(&self) -> u64 {
        // SeqCst: who sends one marks it pending, then looks whether it is awaited.
        self.pending.load(Ordering::SeqCst) & self.awaits.load(Ordering::SeqCst)
    }

    /// Signals that wait for the thread and that it does not block.
    #[inline(always)]
    pub(crate) fn deliverable(&self) -> u64 {
        self.pending.load(Ordering::Relaxed) & !self.mask.load(Ordering::Relaxed)
    }
}
