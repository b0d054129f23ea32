//! What is known of the timer that signals a thread again which a request for its
//! cancellation has met inside the runtime.

use core::cell::Cell;
use core::ffi::c_void;

/// A thread's timer; it belongs to the thread itself. All zeros: none.
#[derive(Default)]
pub struct Retry {
    /// The kernel's number of it, plus one; or [`BEGUN`](Self::BEGUN).
    pub timer: Cell<i32>,
    /// The worker whose kernel thread it signals; null where the thread has its own.
    pub worker: Cell<*const c_void>,
}

impl Retry {
    /// In the place of a timer: there is about to be one.
    pub const BEGUN: i32 = -1;

    /// In a forked child: timers are not inherited.
    pub fn forget(&self) {
        self.timer.set(0);
    }
}
