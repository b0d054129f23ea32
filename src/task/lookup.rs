//! A lookup of names that a thread is in the middle of.

use core::ffi::c_void;
use core::ptr;

/// What has to be known to cancel it. All zeros is none: a thread's block begins with zeros.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Lookup {
    /// Whether there is one.
    pub is_under_way: bool,
    /// Whether a request ends waits of the hub's resolver.
    pub is_told: bool,
    /// Whether it may unwind the stack where libc waits for name servers.
    pub can_be_left: bool,
    /// Whether one in the midst of this one, or one before if there is none, did not come to its end.
    pub was_one_left: bool,
    /// Whether the thread can be cancelled outside of it, as libc has it.
    pub state: i32,
    /// What libc goes by, a `struct __res_state`, or null: what it has for the thread.
    pub resolver: *const c_void,
}

impl Lookup {
    /// None.
    pub const NONE: Self = Self {
        is_under_way: false,
        is_told: false,
        can_be_left: false,
        was_one_left: false,
        state: 0,
        resolver: ptr::null(),
    };
}
