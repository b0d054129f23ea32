//! One context to another: stack, registers, thread pointer, signal mask.
//!
//! ```text
//!   from's stack                      to's stack
//!   ────────────                      ──────────
//!   to(): successor, after
//!   resume_ontop ──── registers ───▶  arrive(): from.context = …
//!     saved on from's stack             signal mask    := to's, if it differs
//!                                       thread pointer := to's
//!                                       after(from)
//!                                     … to goes on where it left off
//! ```
//!
//! Between the jump and the new thread pointer one thread's stack carries the
//! other's TLS. Both threads are critical then (each switched out inside a
//! critical section), so a signal that lands there is deferred whichever of the
//! two blocks its trampoline looks at.

use core::ffi::c_void;
use core::mem;
use core::ptr;
use core::sync::atomic::{Ordering, fence};

use context::context::{Context, ContextFn, Transfer};

use super::wake;
use super::worker::{self, Worker};
use crate::arch::thread::set_pointer;
use crate::task::word::Saved;
use crate::task::{After, Kind, Thread, current, lock, upcalls};

/// A context that will run `entry` on the stack from `top` down to `base`.
///
/// # Safety
/// Nothing else uses that stack.
pub unsafe fn create(top: usize, base: usize, entry: ContextFn) -> *const c_void {
    // SAFETY: as the caller promises.
    let context = unsafe {
        let stack = context::stack::Stack::new(top as *mut _, base as *mut _);
        Context::new(&stack, entry)
    };
    // SAFETY: a Context is one pointer (the crate's own tests say so).
    unsafe { mem::transmute(context) }
}

/// Switches from `from`, the caller, to `to`; returns when somebody switches
/// back, maybe on another worker.
#[inline]
pub fn to(from: &'static Thread, to: &'static Thread, worker: &'static Worker, after: After) {
    debug_assert!(lock::holds_none(), "a switch with a lock held");
    debug_assert!(from.is_critical() && from.is(current()));
    if to.seat().context.get().is_null() {
        (upcalls::get().prepare)(to);
    }
    from.after.set(after);
    from.successor.set(to);
    to.worker
        .store(ptr::from_ref(worker).cast_mut().cast(), Ordering::Relaxed);
    worker.set_running(to);
    to.assert_resumed_once();
    // SAFETY: `to` was taken out of a queue (or is this worker's base), so it is
    // saved and nobody else resumes it; a Context is one pointer.
    unsafe {
        let context: Context = mem::transmute(to.seat().context.get());
        context.resume_ontop(from as *const Thread as usize, arrive);
    }
}

/// Runs first on the new stack.
extern "C" fn arrive(transfer: Transfer) -> Transfer {
    // SAFETY: `to` passes the thread that it leaves.
    let from = unsafe { &*(transfer.data as *const Thread) };
    // SAFETY: a Context is one pointer.
    from.seat()
        .context
        .set(unsafe { mem::transmute::<Context, *const c_void>(transfer.context) });
    from.note_saved();
    // SAFETY: set by `to`; threads and workers are never freed.
    let (me, worker) = unsafe {
        let me = &*from.successor.get();
        (me, worker::of(me))
    };
    // While the pointer is still `from`'s: of what comes meanwhile `from` is asked first, which
    // is nowhere yet where it could be claimed, and then `me` (`signal/delivery.rs`, `taker`).
    enter_mask(from, me, worker);
    // SAFETY: we are on `me`'s stack.
    unsafe { set_pointer(me.pointer.get()) };
    after(from);
    // Nobody looks at the transfer again: the contexts live in the threads.
    // SAFETY: a Context is one pointer, and this one is never resumed.
    Transfer::new(
        unsafe { mem::transmute::<*const c_void, Context>(from.seat().context.get()) },
        0,
    )
}

/// Gives the kernel thread of `worker` the mask of `me`, who follows `from`.
#[inline(always)]
fn enter_mask(from: &Thread, me: &Thread, worker: &Worker) {
    let differs = if me.kind() == Kind::Base {
        worker.mask.enter_base()
    } else if from.kind() == Kind::Base {
        worker.mask.leave_base(me.mask.of_kernel())
    } else {
        worker.mask.sync(me.mask.of_kernel())
    };
    // A thread that is counted has a mask that differs from all others'.
    if differs {
        count_time(from, me);
    }
}

/// `from` leaves the CPU to `to`, and one of them is counted.
#[cold]
fn count_time(from: &Thread, to: &Thread) {
    if from.mask.is_counted() {
        from.cpu_time.switch_out();
    }
    if to.mask.is_counted() {
        to.cpu_time.switch_in();
    }
}

/// What is left to do for `from`, now that another runs.
///
/// Never inlined: [`current`](crate::task::current) is a constant of a thread
/// to the compiler, which could take it from before the change of thread pointer.
#[inline(never)]
fn after(from: &'static Thread) {
    match from.after.get() {
        // Whoever sends the one that runs a signal sees that, or that one sees the signal; the
        // others do something with that effect anyway.
        After::Nothing => fence(Ordering::SeqCst),
        After::Publish => {
            if from.seat().word.save() == Saved::Claimed {
                wake::runnable(from);
            }
        }
        After::Requeue => wake::runnable(from),
        After::Return => wake::returning(from),
        After::Retire => (upcalls::get().retired)(from),
    }
}
