//! A thread's private block.

use core::cell::Cell;
use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{
    AtomicBool, AtomicI32, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering,
};

use super::alternate_stack::AltStack;
use super::asked::Asked;
use super::cpu_time::CpuTime;
use super::current::{self, Critical};
use super::errand::Errands;
use super::event_loop::EventLoop;
use super::haste::Haste;
use super::holds::Holds;
use super::life::Life;
use super::lookup::Lookup;
use super::mask::Mask;
use super::name::Name;
use super::pending::Pending;
use super::placement::Placement;
use super::quantum::Quantum;
use super::retry::Retry;
use super::role::{Kind, Role};
use super::seat::Seat;
use super::timer::Timer;
use super::word::{Cancellation, Sleeper};
use super::{main_thread, seats};
use crate::arch::floating::Control;
use crate::arch::prefetch;
use crate::glibc::tcb::Tcb;

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

/// What a thread that goes on touches of its block, in bytes.
const GOES_ON: usize = 192;

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
    /// Whether it is on a CPU, by which its `Cell`s are its own.
    #[cfg(debug_assertions)]
    runs: AtomicBool,
    /// Whether the scheduler may move it.
    pub(super) role: Role,
    /// How far from its own seat that is which it has, in bytes, and so of its timer.
    to_seat: Cell<isize>,
    to_timer: Cell<isize>,
    /// The thread pointer (FS base), a constant of the TCB.
    pub(crate) pointer: Cell<usize>,
    /// The worker that runs the thread, rewritten at each resume; see
    /// [`worker::of`](crate::sched::worker::of).
    pub(crate) worker: AtomicPtr<c_void>,
    /// Whether timers or files signal it, and not the process, by its kernel thread.
    pub(crate) signalled: AtomicBool,
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
    /// Link in the pool of free husks.
    pub(crate) next: Cell<*const Thread>,
    /// Signals that wait for the thread.
    pub(crate) pending: Pending,
    /// What others have asked the thread to do.
    pub(crate) errands: Errands,
    /// The thread's signal mask.
    pub(crate) mask: Mask,
    /// Its CPU time, if that is counted.
    pub(crate) cpu_time: CpuTime,
    /// The mask that was set last, or returned to: without what is blocked for the length
    /// of a handler.
    pub(crate) settled_mask: AtomicU64,
    /// The kernel's mask while the thread forks.
    pub(crate) mask_at_fork: Cell<u64>,
    /// Whether it keeps the hub where it is meanwhile.
    pub(crate) holds_hub_at_fork: Cell<bool>,
    /// Signals that the thread waits for, see [`crate::signal::wait`].
    pub(crate) awaits: AtomicU64,
    /// Signals for which it looks again at the files that it waits for, see
    /// [`crate::signal::signalfd`].
    pub(crate) expects: AtomicU64,
    /// Whether somebody has asked for the thread's cancellation.
    pub(crate) cancelled: AtomicBool,
    /// What repeats the request.
    pub(crate) retry: Retry,
    /// The lookup of names that it is in.
    pub(crate) lookup: Cell<Lookup>,
    /// Whether the thread has cancellation disabled for the length of a call that is no point for it, see
    /// [`crate::signal::cancel::without_points`].
    pub(crate) without_points: AtomicBool,
    /// Whether the thread is in a function of libc's whose next wait is for a word that
    /// [`words`](crate::sched::words) can tell of.
    pub(crate) waits_inside: Cell<bool>,
    /// Whether the thread is in the list of those who have to look at what is
    /// pending for them, see [`crate::signal::send`].
    pub(crate) deferred: AtomicBool,
    /// Link in that list.
    pub(crate) deferred_next: AtomicPtr<Thread>,
    /// Handlers that have run on the thread, see [`crate::signal::Watch`].
    pub(crate) handled: Cell<u32>,
    /// Those of them that were installed without `SA_RESTART`.
    pub(crate) not_restarting: Cell<u32>,
    /// Descriptors' entries that the thread holds, see [`crate::hub::descriptor::holds`].
    pub(crate) holds: Holds,
    /// The real-time priority, by which waiting threads are woken; 0 for none.
    rank: AtomicU8,
    /// The seat of a thread that has no [other](seats), and its timer.
    own_seat: Seat,
    own_timer: Timer,
    /// Its place in the bucket of the address that it waits on while a handler runs in the midst of
    /// the wait, see [`step_out`](crate::wait::queue::Queues::step_out); its tag counts.
    pub(crate) absence: Seat,

    /// What `sigaltstack` was told.
    pub(crate) alternate_stack: Cell<AltStack>,
    /// The mask to go back to while a call has changed it for its own length, see
    /// [`crate::signal::mask::during`]; of a thread that is not green, that such a call is under way.
    pub(crate) suspended_mask: Cell<Option<u64>>,

    /// Join and detach.
    pub(crate) life: Life,
    /// The id that the program sees; beyond the kernel's range unless the
    /// thread is the main one.
    pub(crate) tid: AtomicI32,
    /// How many reasons there are for the thread to be [tied](crate::sched::tie), if it is
    /// green, but for `loads`.
    pub(crate) ties: Cell<u32>,
    /// How many further ones there are: locks of the loader's. Those that the thread took before libc was patched are not
    /// counted, and are given back all the same.
    pub(crate) loads: Cell<u32>,
    pub(crate) start: Cell<Option<StartRoutine>>,
    pub(crate) argument: Cell<*mut c_void>,
    /// What a thread on a new husk begins with, its creator's.
    pub(crate) floating: Cell<Control>,
    pub(crate) result: Cell<*mut c_void>,
    /// Where the husk's donor left off: the highest address that contexts may use.
    pub(crate) stack_top: AtomicUsize,
    pub(crate) stack: Placement,
    /// What its creator has asked for.
    pub(crate) asked: Asked,
    /// Whether all of the husk's stack but its top was given back to the kernel.
    pub(crate) is_hollow: Cell<bool>,
    /// Whether nobody may live in the husk any more: what its thread had was not given back.
    pub(crate) is_spent: Cell<bool>,
    /// Whether the donor may still be there.
    pub(crate) has_donor: AtomicBool,
    pub(crate) name: Name,
    /// Whom the thread is joining.
    pub(crate) joins: AtomicPtr<Thread>,
    /// Which process it is one of, see [`super::process`].
    pub(super) generation: AtomicU32,
    /// Link in the list of all husks, see [`all`](super::all).
    pub(crate) all_next: AtomicPtr<Thread>,
}

// SAFETY: see "who may touch what" above: every `Cell` has one owner at a time,
// and ownership passes through a lock or the rendezvous in `word`.
unsafe impl Sync for Thread {}

impl Thread {
    /// What others touch of it while it is off the CPU.
    #[inline(always)]
    pub(crate) fn seat(&self) -> &Seat {
        // SAFETY: the block's own, or the one that it was given before anybody knew it, which stays.
        unsafe { seats::at(&self.own_seat, self.to_seat.get()) }
    }

    /// Its link in the heap of deadlines.
    pub(crate) fn timer(&self) -> &Timer {
        // SAFETY: as above.
        unsafe { seats::at(&self.own_timer, self.to_timer.get()) }
    }

    /// Gives it a seat among the others', if there is one. Nobody knows the thread yet, a husk's.
    /// The caller is critical.
    pub(super) fn sit_down(&self) {
        let (to_seat, to_timer) = seats::take().map_or((0, 0), |(seat, timer)| {
            (
                seats::distance(&self.own_seat, seat),
                seats::distance(&self.own_timer, timer),
            )
        });
        self.to_seat.set(to_seat);
        self.to_timer.set(to_timer);
    }

    /// It will run soon: asks for what that touches of its block and its TCB.
    #[inline(always)]
    pub(crate) fn fetch(&self) {
        prefetch::fetch(&raw const self.critical, GOES_ON);
        prefetch::fetch(current::pointer_of(self) as *const u8, 64);
    }

    /// Opens a wait of the calling thread, which `cancellation` ends: from here on wakers
    /// may claim it.
    #[inline(always)]
    pub(crate) fn arm(&self, cancellation: Cancellation) {
        self.heed_loader();
        let sleeper = if self.parks() {
            Sleeper::Green
        } else {
            Sleeper::Kernel
        };
        self.seat().word.arm(cancellation, sleeper);
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
        self.seat().set_thread(self);
        self.signalled.store(false, Ordering::Relaxed);
        self.note_saved();
        self.role.begin(kind);
    }

    /// The thread goes on: from here on its `Cell`s are its own, and it did not run before.
    #[inline(always)]
    pub(crate) fn assert_resumed_once(&self) {
        #[cfg(debug_assertions)]
        assert!(
            !self.runs.swap(true, Ordering::Relaxed),
            "a thread that runs already goes on"
        );
    }

    /// Its registers are in memory: from here on its `Cell`s are whoever's that takes it out of a
    /// queue.
    #[inline(always)]
    pub(crate) fn note_saved(&self) {
        #[cfg(debug_assertions)]
        self.runs.store(false, Ordering::Relaxed);
    }

    /// Whether the thread is inside the runtime, where no handler may run.
    pub(crate) fn is_critical(&self) -> bool {
        self.critical.get() > 0
    }

    /// Whether the end of the section that the thread is in is that of all.
    pub(crate) fn is_critical_once(&self) -> bool {
        self.critical.get() == 1
    }

    /// Whether `address` is on the stack that the thread has begun on.
    pub(crate) fn has_on_stack(&self, address: usize) -> bool {
        match self.stack.size() {
            0 => main_thread::has_on_stack(address),
            size => address.wrapping_sub(self.stack.base()) < size,
        }
    }

    /// Makes the block that of a plain kernel thread again.
    pub(crate) fn become_foreign(&self) {
        self.critical.set(0);
        self.forget_ties();
        self.signalled.store(false, Ordering::Relaxed);
        self.seat().word.clear();
        self.absence.reset();
        // Its parent's.
        self.pending.open(|_| ());
        self.errands.forget();
        self.holds.forget_all();
        self.mask.begin(self.mask.get());
        self.forget_signals();
        self.deferred.store(false, Ordering::Relaxed);
        self.retry.forget();
        self.role.begin(Kind::Foreign);
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
}
