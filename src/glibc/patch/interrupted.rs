//! Functions of libc's that have begun, and were interrupted.
//!
//! A handler may be what makes the process's first thread, and returns to the midst of a function.
//! Where, the kernel has noted on the stack that the handler runs on (sigreturn(2)): beyond all that it has used
//! since.

use core::ops::Range;
use core::ptr;

use crate::sys::pages::PAGE;
use crate::sys::user;

/// So many pages of the stack are looked at.
const MOST: usize = 256;

/// Calls `found` for each word on the caller's stack from `frame` on, and what is beyond it in the same mapping,
/// that is an address `within`. Those that mean something else do no harm.
pub fn each(frame: usize, within: Range<usize>, mut found: impl FnMut(usize)) {
    const WORD: usize = size_of::<usize>();
    let mut place = frame & !(WORD - 1);
    for _ in 0..MOST {
        let end = (place | (PAGE - 1)) + 1;
        if !user::can_read(place, end - place) {
            return;
        }
        while place < end {
            // SAFETY: it can be read; whoever's it is, any bits are a word.
            let word = unsafe { ptr::read_volatile(place as *const usize) };
            if within.contains(&word) {
                found(word);
            }
            place += WORD;
        }
    }
}
