//! Name lookups: libc does them, on a kernel thread of the caller's.

use core::ptr;

use crate::sched::blocking::region;
use crate::sync::sem::Sem;
use crate::sys::in_child::in_child;
use crate::task::green;

/// So many name lookups may hold a kernel thread at a time; the rest queue.
const LOOKUPS: u32 = 32;

static PERMITS: Sem = Sem::new(LOOKUPS);

/// Gives back the permits of lookups that were under way: in a forked child nobody is at
/// it.
///
/// # Safety
/// The caller is the process's only thread.
unsafe fn reset() {
    // SAFETY: nobody else runs.
    unsafe { ptr::from_ref(&PERMITS).cast_mut().write(Sem::new(LOOKUPS)) };
}

in_child!(reset);

/// [`region`] for what is certain to end without anybody else's help, however many
/// threads do it at once. `act` must not unwind.
pub fn capped<R>(act: impl FnOnce() -> R) -> R {
    if green().is_none() {
        return act();
    }
    while PERMITS.wait() != 0 {
        // A handler has run; name lookups go on.
    }
    let result = region(act);
    PERMITS.post();
    result
}
