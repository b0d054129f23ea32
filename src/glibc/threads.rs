//! How many threads libc knows of.

use core::ffi::c_char;
use core::sync::atomic::{AtomicI8, Ordering};

unsafe extern "C" {
    /// `<sys/single_threaded.h>`, glibc 2.32. A forked child has it from libc.
    #[link_name = "__libc_single_threaded"]
    static SINGLE_THREADED: c_char;
}

/// Whether the caller is the only thread that libc has made, or that it knows.
pub fn is_single() -> bool {
    let place = &raw const SINGLE_THREADED;
    // SAFETY: libc's variable, which it changes while others may run, too.
    unsafe { AtomicI8::from_ptr(place.cast_mut()) }.load(Ordering::Relaxed) != 0
}
