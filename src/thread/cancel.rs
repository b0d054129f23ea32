//! Cancellation points, and the state that they look at.

use core::ptr;
use core::sync::atomic::Ordering;

use super::{Kind, Thread, current};
use crate::signal::{SIGCANCEL, cancellation};
use crate::sys::real::real;

// <pthread.h>; the libc crate lacks them.
const PTHREAD_CANCEL_ENABLE: i32 = 0;
const PTHREAD_CANCEL_DISABLE: i32 = 1;
const PTHREAD_CANCEL_DEFERRED: i32 = 0;

unsafe extern "C" {
    fn pthread_setcancelstate(state: i32, old: *mut i32) -> i32;
    fn pthread_setcanceltype(kind: i32, old: *mut i32) -> i32;
}

unsafe extern "C-unwind" {
    fn pthread_self() -> libc::pthread_t;
}

/// glibc's own `pthread_testcancel`.
fn test() {
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
        test();
    } else if me.cancelled.load(Ordering::Relaxed) {
        act(me);
    }
}

#[cold]
fn act(me: &Thread) {
    // It has ended the wait, if there was one. Where cancellation is disabled the
    // next wait is not ended again.
    me.take_pending(SIGCANCEL);
    // For a thread that can be cancelled anywhere glibc has only begun to mark it,
    // and left the rest to a signal, which does not interrupt the runtime. The
    // thread's own request does the rest, at once.
    // SAFETY: the calling thread; unwinds or returns.
    unsafe { cancellation::request(pthread_self()) };
    test();
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

/// Back to what [`disable`] has returned.
pub fn restore(before: i32) {
    // SAFETY: the calling thread's own state.
    unsafe { pthread_setcancelstate(before, ptr::null_mut()) };
}
