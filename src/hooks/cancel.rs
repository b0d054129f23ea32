//! Cancellation.

use core::ffi::c_int;
use core::sync::atomic::Ordering;

use libc::pthread_t;

use super::symbol::check;
use crate::signal::{cancel, cancellation, send};
use crate::task::{Kind, current, of_pthread};
use crate::thread::unwinder;

/// `pthread_cancel(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_cancel(id: pthread_t) -> c_int {
    unwinder::load();
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
check!(pthread_cancel(_));

/// `pthread_testcancel(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_testcancel() {
    cancel::point();
}
