//! What a thread holds for the length of a system call, noted in its block: whoever takes the
//! thread out of the call, so that its end never comes, finds it there.

use core::cell::Cell;
use core::ffi::c_void;
use core::ptr;

/// For a call, which holds two at most, and for one of a handler that has interrupted it. What is held deeper is not
/// noted.
const PLACES: usize = 4;

/// One of them.
#[derive(Default)]
struct Place {
    /// Null: free.
    held: Cell<*const c_void>,
    /// An address in the stack frame of who holds it.
    frame: Cell<usize>,
}

/// A thread's; they belong to the thread itself. All zeros: none.
#[derive(Default)]
pub struct Holds([Place; PLACES]);

impl Holds {
    /// Whether there are any.
    #[inline(always)]
    pub fn are_any(&self) -> bool {
        self.0.iter().any(|place| !place.held.get().is_null())
    }

    /// Notes `held`, of a call with `frame` on its stack: false if there is no room for that.
    #[inline(always)]
    pub fn note(&self, held: *const c_void, frame: usize) -> bool {
        let free = self.0.iter().find(|place| place.held.get().is_null());
        if let Some(place) = free {
            place.held.set(held);
            place.frame.set(frame);
        }
        free.is_some()
    }

    /// Forgets what [`note`](Self::note) has noted: false if somebody else has done so.
    #[inline(always)]
    pub fn forget(&self, held: *const c_void, frame: usize) -> bool {
        let found = self
            .0
            .iter()
            .find(|place| place.held.get() == held && place.frame.get() == frame);
        if let Some(place) = found {
            place.held.set(ptr::null());
        }
        found.is_some()
    }

    /// Forgets those that are `over` by the address in their frames, and calls `each` with them.
    pub fn take(&self, over: impl Fn(usize) -> bool, each: impl Fn(*const c_void)) {
        for place in &self.0 {
            if !place.held.get().is_null() && over(place.frame.get()) {
                each(place.held.replace(ptr::null()));
            }
        }
    }

    /// In a forked child nothing is held.
    pub fn forget_all(&self) {
        self.take(|_| true, |_| ());
    }
}
