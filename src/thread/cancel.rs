//! Cancellation points, and the state that they look at.

use core::ptr;

// <pthread.h>; the libc crate lacks them.
const PTHREAD_CANCEL_ENABLE: i32 = 0;
const PTHREAD_CANCEL_DISABLE: i32 = 1;
const PTHREAD_CANCEL_DEFERRED: i32 = 0;

unsafe extern "C" {
    fn pthread_setcancelstate(state: i32, old: *mut i32) -> i32;
    fn pthread_setcanceltype(kind: i32, old: *mut i32) -> i32;
}

unsafe extern "C-unwind" {
    fn pthread_testcancel();
}

/// A cancellation point: if the calling thread was cancelled and has not disabled
/// that, unwinds it. Called at the edge only, with nothing on the way to drop.
#[inline(always)]
pub fn point() {
    // SAFETY: glibc's own, which looks at the TCB; it unwinds or returns.
    unsafe { pthread_testcancel() }
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
