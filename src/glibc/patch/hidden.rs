//! A function of libc's without a symbol, found by who calls it.
//!
//! `aio_suspend` and `gai_suspend` wait by `__futex_abstimed_wait_cancelable64`, for a word that another thread of
//! libc's changes. It passes on what it is given, and one argument more: so it consists of two instructions.

use core::ffi::CStr;

use super::functions::WAIT_FOR_LOCK;
use crate::arch::code::{self, ALIGNMENT};
use crate::glibc::image::Image;

/// Both functions, and what lies before the first, a function that the compiler may have made of a part of it.
const CALLERS: [(&CStr, usize); 2] = [(c"gai_suspend", 0), (c"aio_suspend", 512)];
/// It is from the same few object files as this function of libc's: not further away, in bytes.
const NEIGHBOUR: (&CStr, usize) = (WAIT_FOR_LOCK, 4096);

/// Its address; 0 if `libc` is not as expected.
pub fn wait_for_word(libc: &Image) -> usize {
    let (neighbour, distance) = (libc.definition(NEIGHBOUR.0), NEIGHBOUR.1);
    let mut found = 0;
    for (name, before) in CALLERS {
        let (entry, length) = libc.extent(name);
        if neighbour == 0 || entry == 0 {
            return 0;
        }
        let is_it = |target: &usize| {
            target.abs_diff(neighbour) < distance
                && target.is_multiple_of(ALIGNMENT)
                // SAFETY: libc's code is around that of its function.
                && code::passes_on(unsafe { &*(*target as *const [u8; ALIGNMENT]) })
        };
        let start = entry - before;
        // SAFETY: libc's code.
        let code = unsafe { core::slice::from_raw_parts(start as *const u8, before + length) };
        let mut called = code::calls(code, start).filter(is_it);
        let Some(target) = called.next() else {
            return 0;
        };
        let is_only = called.all(|other| other == target) && (found == 0 || found == target);
        if !is_only {
            return 0;
        }
        found = target;
    }
    found
}
