//! Blocking regions: stretches in which a green thread may block its kernel
//! thread, while its slot serves others.
//!
//! What has no readiness form (`fsync`, `flock`, a process-shared lock) just runs there, on the
//! green thread's own stack.

use core::sync::atomic::{AtomicU32, Ordering};

use super::turns::Turns;
use super::worker::Worker;
use super::{idle, kernel_thread, park, requests, slots, switch, worker};
use crate::sys::clock::{self, Instant, MILLISECOND};
use crate::sys::in_child::{in_child, restore};
use crate::task::word::Cancellation;
use crate::task::{After, Critical, Kind, Thread, current, green};

/// So many kernel threads are in blocking regions.
static USED: AtomicU32 = AtomicU32::new(0);

fn reset() {
    restore(&USED, 0);
}

in_child!(reset);

/// So many are no reason to do without another one.
const FEW: u32 = 4;

/// Whether only a few kernel threads are in blocking regions.
pub fn are_few() -> bool {
    USED.load(Ordering::Relaxed) < FEW
}

/// Whether the caller may block its kernel thread: it has no slot to keep from others, or somebody is
/// there to take that over. Otherwise [a kernel thread](want_successor) is to be had before, if the kernel gives one.
pub fn may_block() -> bool {
    !current().parks() || idle::has_successor()
}

/// Has a kernel thread started, so that the caller [may block](may_block) its own. That takes a moment,
/// if there is one.
pub fn want_successor() {
    requests::want_successor();
}

/// [`want_successor`], and waits until there is one, or until it was refused: whether the caller may block
/// its kernel thread, which may be another one by then.
pub fn await_successor() -> bool {
    let me = current();
    let refusals = requests::refusals();
    while !may_block()
        && !requests::was_refused()
        && requests::refusals() == refusals
        && !me.is_critical()
    {
        want_successor();
        park::for_time(me, clock::after(MOMENT), Cancellation::Never);
    }
    may_block()
}

/// How long it takes to start a kernel thread, about.
const MOMENT: Instant = MILLISECOND / 5;

/// The kernel thread of `worker`, the caller, is in no blocking region, whether it was or not.
#[inline]
pub(super) fn left(worker: &Worker) {
    if worker.in_region.replace(false) {
        USED.fetch_sub(1, Ordering::Relaxed);
    }
    if let Some(turns) = worker.turn.take() {
        turns.give_back();
    }
}

/// Runs `act`, which may block, with the caller's slot given away.
///
/// `act` may unwind (cancellation): the thread then goes on without a slot, as
/// one that the monitor has taken it from, until it next parks.
#[inline]
pub fn region<R>(act: impl FnOnce() -> R) -> R {
    let Some(me) = green() else { return act() };
    enter(me);
    let result = act();
    leave(me);
    result
}

/// [`region`] for one of those of which there are only so many.
#[inline]
pub fn counted<R>(turns: &'static Turns, act: impl FnOnce() -> R) -> R {
    let Some(me) = green() else { return act() };
    enter(me);
    take_turn(worker::of(me), Some(turns));
    let result = act();
    leave(me);
    result
}

/// [`region`] for a green thread that is critical: it begins by `begin`, before any handler can run.
pub fn begun<R>(critical: Critical, begin: impl FnOnce(), act: impl FnOnce() -> R) -> R {
    let me = current();
    enter(me);
    begin();
    drop(critical);
    let result = act();
    leave(me);
    result
}

/// The calling green thread, which is in a region, has that turn from here on, as if by [`counted`].
pub fn take(turns: &'static Turns) {
    let _critical = Critical::enter();
    take_turn(worker::of(current()), Some(turns));
}

/// `me`, the caller, runs a handler: it may not come back to the call that it is in, or not soon.
pub fn enter_handler(me: &Thread) {
    let turn = worker::of(me).turn.get();
    if turn.is_some_and(Turns::are_left_in_handlers) {
        give_turn_back(me);
    }
}

/// `me`, the caller, has left the call that it had a turn for, if it is green and had one, by a jump or by unwinding: it
/// may not park for long.
pub fn give_turn_back(me: &Thread) {
    if me.is_green() {
        let _critical = Critical::enter();
        take_turn(worker::of(me), None);
    }
}

/// The kernel thread of `worker`, the caller, has that turn, and no other.
fn take_turn(worker: &Worker, turns: Option<&'static Turns>) {
    if let Some(turns) = turns {
        turns.take();
    }
    if let Some(before) = worker.turn.replace(turns) {
        before.give_back();
    }
}

/// Gives the slot of `me`, the calling green thread, away.
pub(super) fn enter(me: &'static Thread) {
    let _critical = Critical::enter();
    let worker = worker::of(me);
    let Some(slot) = worker.slot() else {
        // A region inside another: from here on something else is waited for.
        return take_turn(worker, None);
    };
    worker.set_slot(None);
    if !worker.in_region.replace(true) {
        USED.fetch_add(1, Ordering::Relaxed);
    }
    if slot.take_from(worker, None) {
        idle::lay_down(slot);
        if slots::any_queued() || idle::needs_poller() {
            idle::wake_worker();
        }
    }
}

/// Makes the calling green thread the owner of its kernel thread for good: it
/// is about to change what the kernel keeps per thread (credentials, affinity,
/// namespaces, …). No effect on others.
pub fn wire() {
    let me = current();
    // No handler runs before it is wired: one that parks would come back with a slot.
    let _critical = Critical::enter();
    // Also in a handler that has pinned the thread.
    if me.is_green() && !me.is_wired() {
        enter(me);
        let worker = worker::of(me);
        left(worker);
        worker.set_altered();
        me.set_wired(worker.kernel_id());
        kernel_thread::set_name(me);
    }
}

/// The calling thread, wired if it is green, has descriptors of its own from here on,
/// and so has whatever runs on its kernel thread after it.
pub fn set_apart() {
    let me = current();
    me.set_apart();
    if me.kind() == Kind::Green {
        worker::of(me).base().set_apart();
    }
}

/// The end of [`enter`]: `me`, the caller, goes on with a slot, unless a handler has wired
/// it meanwhile, or has forked: in the child there is nothing to give back, and no slot.
pub(super) fn leave(me: &'static Thread) {
    if !me.is_green() {
        return;
    }
    let _critical = Critical::enter();
    // The thread has not switched: it is still there.
    let worker = worker::of(me);
    left(worker);
    if me.is_wired() {
        return;
    }
    if worker.slot().is_none() && !idle::acquire(worker) && me.may_queue() {
        // All slots are busy: queue for one.
        switch::to(me, worker.base(), worker, After::Return);
    }
}
