//! Cancellation points, and the state that they look at.

use core::ptr;
use core::sync::atomic::Ordering;

use super::retry;
use crate::arch::system_call::exposed;
use crate::glibc::real::real;
use crate::glibc::signals::are_points_addresses;
use crate::glibc::tcb::Tcb;
use crate::sys::sanitizers;
use crate::task::word::Cancellation;
use crate::task::{Critical, Kind, Thread, current};

// <pthread.h>; the libc crate lacks them.
const PTHREAD_CANCEL_ENABLE: i32 = 0;
const PTHREAD_CANCEL_DISABLE: i32 = 1;
const PTHREAD_CANCEL_DEFERRED: i32 = 0;
const PTHREAD_CANCEL_ASYNCHRONOUS: i32 = 1;

// They act on a request that has become due.
unsafe extern "C-unwind" {
    fn pthread_setcancelstate(state: i32, old: *mut i32) -> i32;
    fn pthread_setcanceltype(kind: i32, old: *mut i32) -> i32;
}

/// glibc's own `pthread_testcancel`.
fn test() {
    let tcb = Tcb::current();
    if tcb.is_cancelled() && tcb.allows_cancellation() {
        sanitizers::unwinds();
    }
    let real = real!(pthread_testcancel: unsafe extern "C-unwind" fn());
    // SAFETY: looks at the TCB; unwinds or returns.
    unsafe { real() }
}

/// A cancellation point: if the calling thread was cancelled and has not disabled
/// that, unwinds it. Called at the edge only, with nothing on the way to drop.
#[inline(always)]
pub fn point() {
    let me = current();
    if me.kind() != Kind::Green {
        if me.pending.bits() != 0 {
            // It has ended the wait, if there was one.
            me.pending.forget_cancel();
        }
        test();
    } else if me.cancelled.load(Ordering::Relaxed) {
        act(me);
    }
}

/// Unwinds the calling thread `me`, if it has not disabled that.
#[cold]
pub fn act(me: &Thread) {
    // The request is for the parent of a child that borrows the thread.
    if me.is_lent() {
        return;
    }
    // Where cancellation is disabled there is nothing to do until it is enabled again.
    me.pending.forget_cancel();
    retry::disarm(me);
    me.tcb().mark_cancelled();
    test();
}

/// Whether the calling thread has to be cancelled, at a cancellation point or not.
pub fn is_due_anywhere() -> bool {
    let me = current();
    let tcb = me.tcb();
    tcb.is_cancelled() && tcb.allows_cancellation_anywhere() && !me.is_critical()
}

/// A place in the midst of a call where the calling thread is unwound if it is to be
/// cancelled and allows that anywhere. There is nothing to drop or to put in order.
#[cold]
pub fn anywhere() {
    if is_due_anywhere() {
        act(current());
    }
}

/// After a wait that a request for cancellation ends as `cancellation` says: unwinds the calling thread
/// if there was one. Called where there is nothing to drop or to put in order.
pub fn after(cancellation: Cancellation) {
    match cancellation {
        Cancellation::Point => point(),
        Cancellation::Asynchronous => anywhere(),
        Cancellation::Never => {}
    }
}

/// Makes system call `number`, which may wait, as glibc does at its own cancellation points:
/// as long as it lasts a request may unwind the caller, which has nothing to put in order. The
/// kernel's result.
///
/// # Safety
/// The arguments are valid for the system call.
pub unsafe fn waiting_call(number: i64, [a, b, c, d, e, f]: [usize; 6]) -> isize {
    let mut before = 0;
    // SAFETY: the calling thread's own state; the rest as the caller promises.
    unsafe {
        pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &mut before);
        let result = exposed(a, b, c, d, e, f, number);
        pthread_setcanceltype(before, ptr::null_mut());
        result
    }
}

/// The state that a new thread has: enabled, deferred. A husk may have another
/// from the thread before.
pub fn enable() {
    // SAFETY: the calling thread's own state; the places for the old one may be null.
    unsafe {
        pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, ptr::null_mut());
        pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, ptr::null_mut());
    }
}

/// No cancellation of the calling thread from here on; returns what was before.
pub fn disable() -> i32 {
    let mut before = 0;
    // SAFETY: the calling thread's own state.
    unsafe { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &mut before) };
    before
}

/// The end of a [`disable`] of a thread that could be cancelled before.
fn enable_state() {
    restore(PTHREAD_CANCEL_ENABLE);
}

/// Runs `act`, which is no cancellation point though it waits as one does, unless `me`, the caller, can be
/// cancelled anywhere. A handler that interrupts it can be cancelled as anybody.
pub fn without_points<R>(me: &Thread, act: impl FnOnce() -> R) -> R {
    let has_begun = begin_without_points(me);
    let result = act();
    if has_begun {
        // A handler sees both or neither. The last one may have left it otherwise.
        let _critical = Critical::enter();
        if take_without_points(me) {
            enable_state();
        }
    }
    result
}

/// [`without_points`] for a wait that a request ends only where glibc [tells of it](are_points_addresses).
pub fn told<R>(me: &Thread, act: impl FnOnce() -> R) -> R {
    if me.is_green() && are_points_addresses() {
        without_points(me, act)
    } else {
        act()
    }
}

/// The thread's own flag: others only look at it.
fn take_without_points(me: &Thread) -> bool {
    let before = me.without_points.load(Ordering::Relaxed);
    me.without_points.store(false, Ordering::Relaxed);
    before
}

/// Whether that makes a difference.
fn begin_without_points(me: &Thread) -> bool {
    let tcb = me.tcb();
    let has_points = tcb.allows_cancellation() && !tcb.allows_cancellation_anywhere();
    if has_points {
        let _critical = Critical::enter();
        disable();
        me.without_points.store(true, Ordering::Relaxed);
    }
    has_points
}

/// A handler is about to run on `me`, the caller: whether it interrupts a call [without
/// points](without_points).
pub fn enter_handler(me: &Thread) -> bool {
    let interrupts = take_without_points(me);
    if interrupts {
        enable_state();
    }
    interrupts
}

/// The handler is over, and what it has interrupted goes on, by what it has left.
pub fn leave_handler(me: &Thread, interrupts: bool) {
    if interrupts {
        begin_without_points(me);
    }
}

/// Back to what [`disable`] has returned.
pub fn restore(before: i32) {
    // SAFETY: the calling thread's own state.
    unsafe { pthread_setcancelstate(before, ptr::null_mut()) };
}
