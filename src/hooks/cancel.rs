//! Cancellation.

use core::ffi::c_int;
use core::sync::atomic::Ordering;

use libc::pthread_t;

use crate::signal::{self, SIGCANCEL, cancellation, send};
use crate::thread::{Kind, cancel, green_or_wired, of_pthread};

export! {
    /// `pthread_cancel(3)`.
    fn pthread_cancel(id: pthread_t) -> c_int {
        // SAFETY: as the caller promises: a thread that may still be joined.
        let thread = unsafe { of_pthread(id) };
        if thread.kind() != Kind::Green {
            // SAFETY: as the caller promises.
            return unsafe { cancellation::request(id) };
        }
        if let Some(me) = green_or_wired() {
            cancellation::intercept(me);
        }
        thread.cancelled.store(true, Ordering::SeqCst);
        // SAFETY: as the caller promises.
        let result = unsafe { cancellation::request(id) };
        thread.pending.fetch_or(signal::bit(SIGCANCEL), Ordering::SeqCst);
        send::interrupt(thread);
        // glibc has marked the thread; that the kernel does not know its id does
        // not matter.
        if result == libc::ESRCH { 0 } else { result }
    }

    /// `pthread_testcancel(3)`.
    unchecked fn pthread_testcancel() {
        cancel::point();
    }
}
