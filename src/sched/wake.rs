//! Making threads runnable.
//!
//! Claims are made under the locks of queues; what follows from them is done here,
//! when none is held: threads go to a run queue, a worker is put to it, kernel threads
//! are woken.

use super::run_queue::Place;
use super::{idle, slots, statistics, tempo, worker};
use crate::sys::futex;
use crate::task::list::List;
use crate::task::seat::Seat;
use crate::task::word::Wake;
use crate::task::{Critical, Kind, Thread, current};
use crate::wait::QUEUES;
use crate::wait::queue::{Verdict, Waiters};
use crate::wait::woken::Woken;

/// Makes `thread`, which is saved and in no list, runnable. The caller is critical
/// and holds no lock.
#[inline]
pub fn runnable(thread: &Thread) {
    let mut list = List::new();
    list.push(thread.seat());
    all_runnable(list, Place::Last);
}

/// [`runnable`] for all of `list`, in its order, at that place of the queue.
#[inline]
fn all_runnable(list: List, place: Place) {
    statistics::became_runnable(&list);
    let me = current();
    let on_worker = me.kind() == Kind::Base || me.parks();
    let rest = if on_worker {
        match worker::of(me).push(list, place) {
            Ok(queued) => return call_for(me, queued),
            Err(list) => list,
        }
    } else {
        list
    };
    slots::SHARED.global.push(rest);
    idle::wake_for_work();
}

/// Has a worker called to an idle slot, if that is better for those who wait at the slot of `me`,
/// the caller, now `queued`, than to wait until the caller leaves it; a base context does so at
/// once.
#[inline(always)]
fn call_for(me: &Thread, queued: u32) {
    // Nobody else can have a slot where there is but one. Where a slot is laid down at this
    // moment, its owner and this may both miss the other, unless there is a fence in between.
    // Who leaves at once needs none: then he is the one who runs them.
    if slots::all().len() == 1 {
        return;
    }
    let is_green = me.kind() == Kind::Green;
    let is_open = if is_green && me.haste.is_sure() {
        idle::idle_slots() > 0
    } else {
        idle::is_open()
    };
    if is_open && (queued > 1 && tempo::is_worth_a_call(queued) || is_green && me.haste.wakes()) {
        idle::wake_worker();
    }
}

/// Makes `thread`, which comes back from a blocking region and has found all slots busy,
/// runnable. The caller is critical and holds no lock.
pub fn returning(thread: &Thread) {
    let mut list = List::new();
    list.push(thread.seat());
    statistics::became_runnable(&list);
    slots::SHARED.returning.push(list);
    idle::wake_for_work();
}

/// Lets all run that `woken` holds. The caller is critical and holds no lock.
#[inline]
pub fn all(mut woken: Woken) {
    while let Some(seat) = woken.kernel.pop() {
        futex::wake(seat.word.release(), 1);
    }
    if woken.granted.len() > 0 {
        all_runnable(woken.granted, Place::First);
    }
    if woken.runnable.len() > 0 {
        all_runnable(woken.runnable, Place::Last);
    }
}

/// Calls `collect` for threads to claim, and lets them run once it has given its locks
/// back.
#[inline]
pub fn collecting<R>(collect: impl FnOnce(&mut Woken) -> R) -> R {
    let _critical = Critical::enter();
    let mut woken = Woken::new();
    let result = collect(&mut woken);
    all(woken);
    result
}

/// Claims `thread` for `reason` and lets it run; false if it does not wait, or somebody
/// else was first. The caller holds no lock.
pub fn claim(thread: &Thread, reason: Wake) -> bool {
    collecting(|woken| woken.claim(thread.seat(), reason))
}

/// [`Queues::claim`], and lets those run whom it claims.
#[inline]
pub fn address<R>(
    key: usize,
    verdict: impl FnMut(&Seat, usize) -> Verdict,
    done: impl FnOnce(usize, bool) -> R,
) -> R {
    collecting(|woken| QUEUES.claim(key, woken, verdict, done))
}

/// [`Queues::at`], and lets those run whom `act` collects.
#[inline]
pub fn at<R>(key: usize, act: impl FnOnce(Waiters<'_>, &mut Woken) -> R) -> R {
    collecting(|woken| QUEUES.at(key, |waiters| act(waiters, woken)))
}

/// Wakes up to `count` of those who wait on the address `key`, in order of arrival;
/// returns how many.
pub fn up_to(key: usize, count: usize) -> usize {
    let verdict = |_: &Seat, woken| {
        if woken < count {
            Verdict::Wake(Wake::Ready)
        } else {
            Verdict::Stop
        }
    };
    address(key, verdict, |woken, _| woken)
}

/// [`Queues::requeue`], and lets those run whom it claims.
pub fn requeue(
    from: usize,
    to: usize,
    limits: (usize, usize),
    validate: impl FnOnce() -> bool,
) -> Option<(usize, usize)> {
    collecting(|woken| QUEUES.requeue(from, to, limits, woken, validate))
}
