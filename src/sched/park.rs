//! Leaving the CPU: until claimed, for a while, for good.

use core::sync::atomic::{Ordering, fence};

use super::slot::Pick;
use super::{blocking, idle, kernel_thread, slots, switch, tempo, wake, worker};
use crate::glibc::cleanup;
use crate::glibc::signals::SIGCANCEL;
use crate::sys::clock::{self, Instant, NEVER};
use crate::sys::futex;
use crate::sys::sigmask::bit;
use crate::task::quantum::Used;
use crate::task::word::{Cancellation, Claim, Wake};
use crate::task::{After, Critical, Kind, Thread, current, lock, upcalls};
use crate::wait::{DEADLINES, QUEUES};

/// Waits on the address `key` until woken or until `deadline`.
///
/// `validate` and `cancellation` are for [`Queues::enter`](crate::wait::queue::Queues::enter): where the former says no nothing
/// happens, and the result is `None`. `queued` runs once wakers can find the thread,
/// before it leaves the CPU; `left` runs under the queue's lock if the wait ends by
/// time-out or interruption, when nobody else has taken the thread out of the queue.
#[inline]
pub fn on_address(
    key: usize,
    deadline: Instant,
    cancellation: Cancellation,
    validate: impl FnOnce() -> Option<u32>,
    queued: impl FnOnce(),
    left: impl FnOnce(),
) -> Option<Wake> {
    let me = current();
    may_sleep(me);
    let _critical = Critical::enter();
    if !QUEUES.enter(me, key, cancellation, validate) {
        // Or a signal would take the thread, which runs, for one that it has woken.
        take_back(me);
        return None;
    }
    if me.parks() {
        worker::of(me).count_lock_wait();
    }
    queued();
    let reason = commit(me, deadline);
    if matches!(reason, Wake::Timeout | Wake::Interrupted) {
        QUEUES.withdraw(me, left);
    }
    Some(reason)
}

/// [`on_address`] at a cancellation point, for a wait that handlers do not end: who is woken
/// while it runs one goes on when that has returned. `enter` runs under the queue's lock, `queued`
/// says whether to wait at all. `unwound` runs if the handler does not return, but ends the thread.
#[inline]
pub fn on_address_despite_handlers(
    key: usize,
    deadline: Instant,
    enter: impl FnOnce(),
    queued: impl FnOnce() -> bool,
    left: impl Fn(),
    mut unwound: impl FnMut(),
) -> Wake {
    let me = current();
    may_sleep(me);
    let mut critical = Critical::enter();
    // Nothing is validated.
    QUEUES.enter(me, key, Cancellation::Point, || {
        enter();
        Some(0)
    });
    if me.parks() {
        worker::of(me).count_lock_wait();
    }
    let wants_to = queued();
    loop {
        let reason = commit(me, deadline);
        if !matches!(reason, Wake::Timeout | Wake::Interrupted) {
            return reason;
        }
        let goes_on = wants_to && reason == Wake::Interrupted && may_go_on(me);
        let Some(absence) = goes_on.then(|| QUEUES.step_out(me, key)).flatten() else {
            QUEUES.withdraw(me, &left);
            return reason;
        };
        critical = run_handlers(critical, || {
            {
                let _critical = Critical::enter();
                QUEUES.leave_absent(me, &absence, &left);
            }
            unwound();
        });
        if is_cancelled(me) {
            return match QUEUES.leave_absent(me, &absence, &left) {
                true => Wake::Interrupted,
                false => Wake::Ready,
            };
        }
        if !QUEUES.step_in(me, &absence, Cancellation::Point) {
            return Wake::Ready;
        }
    }
}

/// Before a wait of `me`, the caller, in a critical section: handlers run after it, also where there
/// have been no green threads yet. One that interrupted it might wait itself, or jump away.
#[inline(always)]
pub(super) fn may_sleep(me: &Thread) {
    if me.kind() == Kind::Foreign {
        (upcalls::get().defer_handlers)();
    }
}

/// Leaves the critical section, so that handlers run, and enters one again. If a handler ends the
/// thread `unwound` runs.
#[cold]
fn run_handlers(critical: Critical, unwound: impl FnMut()) -> Critical {
    cleanup::guarded(unwound, || drop(critical));
    Critical::enter()
}

/// Waits for nothing but the time and, as `cancellation` says, for requests; signals end it, too.
pub fn for_time(me: &'static Thread, deadline: Instant, cancellation: Cancellation) -> Wake {
    let _critical = Critical::enter();
    me.arm(cancellation);
    // `commit` looks for pending signals next, and has taken no lock since.
    fence(Ordering::SeqCst);
    commit(me, deadline)
}

/// Whether the calling thread is to be unwound at a cancellation point.
fn is_cancelled(me: &Thread) -> bool {
    let is_asked = match me.kind() {
        Kind::Green => me.cancelled.load(Ordering::Relaxed),
        _ => me.tcb().is_cancelled(),
    };
    is_asked && me.tcb().allows_cancellation()
}

/// Whether `me`, the caller, goes on with a wait that was interrupted: handlers run as soon as
/// the critical section ends, and what a handler that jumps away leaves behind stays: the block of
/// a green thread and that of the process's first one, where there are no green threads yet.
fn may_go_on(me: &Thread) -> bool {
    let stays = me.is_green() || me.kind() == Kind::Foreign && kernel_thread::is_first();
    stays && !me.is_lent() && me.is_critical_once() && !is_cancelled(me)
}

/// Leaves the CPU until `me`, the caller, is claimed, or until `deadline`. It is
/// inside a [`Critical`] section, has armed, and holds no lock.
///
/// A signal that was sent before the thread armed claims it here. Whoever sends one
/// marks it pending, then tries to claim; the waiter arms, takes a lock (on x86-64 a full
/// barrier), then looks for pending ones: one of the two sees the other.
#[inline]
pub fn commit(me: &'static Thread, deadline: Instant) -> Wake {
    debug_assert!(lock::holds_none(), "a wait with a lock held");
    debug_assert!(me.is_critical() && me.is(current()));
    let wanted = me.deliverable();
    if wanted != 0 && (wanted != bit(SIGCANCEL) || me.waits_until_cancelled()) {
        wake::claim(me, Wake::Interrupted);
    }
    if !me.parks() {
        sleep(me, deadline);
    } else if deadline == NEVER {
        until_claimed(me);
    } else {
        let slot = worker::of(me).slot().map_or(0, slots::index);
        if DEADLINES.arm(me, slot, deadline) {
            idle::deadline_moved(deadline);
        }
        until_claimed(me);
        DEADLINES.disarm(me);
    }
    me.seat().word.finish()
}

/// [`commit`] for a thread that has a kernel thread to itself.
#[cold]
fn sleep(me: &'static Thread, deadline: Instant) {
    // The monitor would find that out later, or never, where it waits for the loader's locks itself and `me` has them.
    if me.is_green() && worker::of(me).slot().is_some() {
        blocking::enter(me);
    }
    while let Some(word) = me.seat().word.sleep_on() {
        let result = match clock::until(deadline) {
            None => futex::wait(me.seat().word.futex(), word),
            // Claimed, but still in the waker's list: a matter of moments.
            _ if me.seat().word.is_claimed() => futex::wait(me.seat().word.futex(), word),
            Some(left) if left.is_zero() => -(libc::ETIMEDOUT as isize),
            Some(left) => futex::wait_for(me.seat().word.futex(), word, left),
        };
        match -result as i32 {
            libc::ETIMEDOUT => wake::claim(me, Wake::Timeout),
            libc::EINTR => wake::claim(me, Wake::Interrupted),
            _ => false,
        };
    }
}

/// Takes back the wait that `me`, the caller, has armed and does not [`commit`]: the claim that
/// was made meanwhile, if any. `me` is inside a [`Critical`] section and holds no lock.
pub fn take_back(me: &'static Thread) -> Option<Wake> {
    if me.parks() {
        return me.seat().word.take_back();
    }
    let was_claimed = match me.seat().word.claim(Wake::Interrupted) {
        // Whoever has claimed it has it in his list until he lets it go.
        Claim::Lost => true,
        // It is not asleep, but here.
        Claim::Kernel => {
            me.seat().word.release();
            false
        }
        // Since it was asked whether it parks somebody has had it wired, in the middle of a
        // call.
        Claim::Pending => false,
        Claim::Runnable => unreachable!("a thread that is saved does not run"),
        Claim::Branch => unreachable!("a thread's own seat is no branch"),
    };
    sleep(me, NEVER);
    let reason = me.seat().word.finish();
    was_claimed.then_some(reason)
}

/// Switches out until claimed.
#[inline]
fn until_claimed(me: &'static Thread) {
    if !me.seat().word.is_claimed() {
        leave(me, After::Publish);
    }
}

/// Lets other runnable threads go first; false if there were none.
pub fn yield_now(me: &'static Thread) -> bool {
    let _critical = Critical::enter();
    me.may_queue() && leave(me, After::Requeue)
}

/// `me`, the caller, reads or writes a file on a disk: by that, too, it is seen whether
/// [more slots](super::limit) do more.
#[inline(always)]
pub fn count_transfer(me: &Thread) {
    worker::of(me).count_transfer();
}

/// The calling thread has done something that it might have had to wait for. At the end of its
/// [quantum](crate::task::quantum) others have theirs.
#[inline(always)]
pub fn spend(me: &'static Thread) {
    worker::of(me).count_operation();
    match me.quantum.spend() {
        Used::Part => {}
        used => leave_if_over(me, used),
    }
}

#[cold]
fn leave_if_over(me: &'static Thread, used: Used) {
    if used == Used::Much {
        me.quantum.looked();
        let _critical = Critical::enter();
        super::glance();
    }
    if slots::has_queued(worker::of(me)) && me.quantum.is_over(used, tempo::interval()) {
        me.quantum.use_up();
        yield_now(me);
    }
}

/// Ends the calling context for good; [`After::Retire`] follows on another.
pub fn retire(me: &'static Thread) -> ! {
    leave(me, After::Retire);
    unreachable!("a retired context was resumed");
}

/// Switches to whoever is next; false if that is the caller.
#[inline]
fn leave(me: &'static Thread, after: After) -> bool {
    let worker = worker::of(me);
    me.haste.leaves();
    let next = match worker.pick() {
        Pick::Run(next) => next,
        // Nobody else: a yielding thread goes on, and so does one that the look
        // around has just woken.
        Pick::Empty if after == After::Requeue => return false,
        Pick::Empty if after == After::Publish && me.seat().word.is_claimed() => return false,
        // A handler has wired it on its way here: it has no slot to share.
        Pick::Lost if after == After::Requeue && me.is_wired() => return false,
        Pick::Empty | Pick::Lost => worker.base(),
    };
    switch::to(me, next, worker, after);
    me.quantum.begin(after == After::Publish);
    true
}
