//! Cancellation.

use core::ffi::c_int;
use core::sync::atomic::Ordering;

use libc::pthread_t;

use crate::signal::{cancel, cancellation, send};
use crate::task::{Kind, current, of_pthread};

export! {
    /// `pthread_cancel(3)`.
    fn pthread_cancel(id: pthread_t) -> c_int {
        // SAFETY: as the caller promises: a thread that may still be joined.
        let thread = unsafe { of_pthread(id) };
        let own = thread.is(current());
        if thread.kind() == Kind::Green {
            cancellation::intercept();
            thread.cancelled.store(true, Ordering::SeqCst);
            thread.tcb().mark_cancelled();
        } else {
            if !own {
                cancellation::intercept();
            }
            // SAFETY: as the caller promises.
            let result = unsafe { cancellation::request(id) };
            if result != 0 || own {
                return result;
            }
        }
        thread.pending.request_cancel();
        if own {
            cancel::anywhere();
        } else {
            send::interrupt(thread);
        }
        0
    }

    /// `pthread_testcancel(3)`.
    unchecked fn pthread_testcancel() {
        cancel::point();
    }
}
