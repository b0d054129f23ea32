//! A green thread's first and last frame.

use core::ffi::c_void;
use core::ptr;

use super::exit;
use crate::arch::entry::protected_call;
use crate::signal::cancel;
use crate::sys::{errno, sanitizers};
use crate::task::current;

unsafe extern "C" {
    /// The global one also renews the tables of characters: those of a husk are from when that
    /// was made.
    fn uselocale(locale: *mut c_void) -> *mut c_void;
}

/// Runs the thread's start routine, then its end. Entered with the thread
/// critical: whatever signal comes before it is set up waits.
///
/// # Safety
/// The first call on a green thread's stack.
pub unsafe extern "C-unwind" fn main() -> ! {
    let me = current();
    errno::set(0);
    // SAFETY: LC_GLOBAL_LOCALE is always valid.
    unsafe { uselocale(ptr::without_provenance_mut(usize::MAX)) };
    cancel::enable();
    me.leave_critical();
    let start = me
        .start
        .get()
        .map_or(ptr::null(), |start| start as *const c_void);
    // SAFETY: `start` takes one argument; what it leaves unwound ends here.
    let outcome = unsafe { protected_call(start, me.argument.get() as usize, 0, 0) };
    if outcome.unwound == 0 {
        me.result.set(outcome.result);
    } else {
        sanitizers::unwound(me.stack.base());
    }
    exit::finish(me)
}
