//! Threads that the kernel has to know: holders of mutexes that it gives on itself.
//!
//! The word of a robust or priority-inheriting mutex that processes share holds the
//! kernel's id of its owner: when that ends, with or without its process, the kernel marks
//! the mutex, and others wait behind it with its priority. So from the first such mutex
//! that a green thread takes until it has given back the last it is *tied* to its kernel
//! thread, which blocks where the thread would park. glibc works with the kernel's id
//! meanwhile, which is in the TCB for the length of its functions.

use core::sync::atomic::Ordering;

use super::worker::{self, Worker};
use super::{blocking, idle};
use crate::glibc::tcb::Tcb;
use crate::glibc::{cleanup, robust};
use crate::sys::cell::Cell;
use crate::sys::in_child::in_child;
use crate::task::{Critical, Thread, current};

/// Ties the calling thread once more.
pub fn tie() {
    let me = current();
    count(&me.ties, Change::Taken);
    fasten(me);
}

/// [`tie`] for a lock of the loader's, a stretch that hardly ever waits: the caller keeps its slot, until the monitor finds
/// it waiting. He goes on parking if nobody is there to take the slot over: no further kernel thread may be to be had.
pub fn tie_briefly() {
    let me = current();
    count(&me.loads, Change::Taken);
    if me.parks() && idle::has_successor() {
        me.set_tied();
    }
}

/// The caller, who may be tied by [`tie_briefly`], is going to wait for another lock of the loader's. He is not tied until
/// he has it, unless by something else.
pub fn loosen_to_wait() {
    let me = current();
    if me.ties.get() == 0 {
        me.untie();
    }
}

/// Takes one [`tie`] back.
pub fn untie() {
    let me = current();
    count(&me.ties, Change::Released);
    loosen(me);
}

/// Takes one [`tie_briefly`] back.
pub fn untie_brief() {
    let me = current();
    count(&me.loads, Change::Released);
    loosen(me);
}

/// [`untie_brief`] for a caller who may be in the midst of anything: if he has lost his slot he goes on without one, as who
/// has lost it to the monitor does.
pub fn untie_in_place() {
    let me = current();
    count(&me.loads, Change::Released);
    if !me.has_ties() {
        me.untie();
    }
}

/// For a thread that has just become green.
pub fn begin() {
    let me = current();
    if me.has_ties() {
        fasten(me);
    }
}

/// A forked child holds nothing of its parent's.
fn reset() {
    current().forget_ties();
}

in_child!(always reset);

/// Threads that are not green yet count, too.
fn count(ties: &Cell<u32>, change: Change) {
    ties.set(match change {
        Change::None => ties.get(),
        Change::Taken => ties.get() + 1,
        Change::Released => ties.get().saturating_sub(1),
    });
}

fn fasten(me: &'static Thread) {
    // No handler runs before it is tied: one that parks would come back with a slot.
    let _critical = Critical::enter();
    if me.parks() {
        blocking::enter(me);
        me.set_tied();
    }
}

fn loosen(me: &'static Thread) {
    if !me.has_ties() && me.untie() {
        blocking::leave(me);
    }
}

/// What a function of glibc's has done to a mutex of the caller's.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The caller holds it as before, or does not.
    None,
    /// The caller has taken it.
    Taken,
    /// The caller no longer holds it.
    Released,
}

/// Calls a function of glibc's on a mutex whose owner the kernel has to know; `change` says
/// from its result what has come of that.
///
/// `call` may unwind (cancellation): the thread holds what it did before, and the cleanup
/// handlers of the program find its own id again.
pub fn known(call: impl FnOnce() -> i32, change: impl FnOnce(i32) -> Change) -> i32 {
    let me = current();
    if me.is_lent() {
        // The child's affair.
        return call();
    }
    if !me.is_green() {
        let result = call();
        count(&me.ties, change(result));
        return result;
    }
    fasten(me);
    let worker = worker::of(me);
    worker.register_robust_list(robust::list_of(me.tcb()));
    let id = me.tid.load(Ordering::Relaxed) as u32;
    let stand_in = stand_in(me, worker).map(|tcb| (tcb, tcb.id().swap(id, Ordering::Relaxed)));
    // The kernel's already, in a handler that has interrupted another such call. Release: after the swap above.
    let kernels = worker.kernel_id() as u32;
    let before = me.tcb().id().swap(kernels, Ordering::Release);
    let restore = || {
        // The first kernel thread is found by this TCB before it is not by the other. (A forked child finds an id of its own.)
        me.tcb().replace_id(kernels, before as i32);
        if let Some((tcb, own)) = stand_in {
            tcb.give_back_id(id, own);
        }
    };
    let result = cleanup::guarded(restore, call);
    restore();
    count(&me.ties, change(result));
    loosen(me);
    result
}

/// Who changes the credentials of all threads finds the kernel threads by the ids in the TCBs that they were born with.
/// That of the process's first one is the main thread's, which may be on another one: if `me`, on `worker`, is that, the
/// TCB of the first one's base context has the id meanwhile.
fn stand_in(me: &Thread, worker: &Worker) -> Option<Tcb> {
    let pointer = me.pointer.get();
    let is_elsewhere = worker.native() != pointer && me.is_main();
    let first = is_elsewhere.then(|| worker::all().find(|other| other.native() == pointer));
    first.flatten().map(|first| first.base().tcb())
}

/// Releases the mutexes that `me`, the caller, holds at its end: the next owners get
/// `EOWNERDEAD`.
///
/// What inherits priority only the kernel can give on to those who wait, at the end of a
/// kernel thread: so that of a thread that is tied ends, too.
pub fn end(me: &'static Thread) {
    let worker = worker::of(me);
    let (id, kernel_id) = (me.tid.load(Ordering::Relaxed), worker.kernel_id());
    let is_left = robust::release(me.tcb(), [id, kernel_id], worker.heirs());
    if !me.forget_ties() {
        return;
    }
    if is_left || worker.may_end() {
        // The husk and its list have their next thread soon.
        worker.register_robust_list(worker.heirs().address());
        worker.set_altered();
    }
}

/// [`end`] for one that the kernel has ended, with its kernel thread: what inherits priority it has given
/// on itself.
pub fn end_of_killed(thread: &'static Thread) {
    let worker = worker::of(thread);
    let (id, kernel_id) = (thread.tid.load(Ordering::Relaxed), worker.kernel_id());
    robust::release(thread.tcb(), [id, kernel_id], worker.heirs());
    thread.forget_ties();
}
