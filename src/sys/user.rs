//! Memory that the program names and that may not be there: the kernel answers EFAULT
//! where a read or write of ours would be a fault.
//!
//! `rt_sigprocmask` is asked, which copies eight bytes from or to its caller and can be
//! kept from doing anything else.

use super::pages::PAGE;
use super::raw::syscall;

/// What the kernel copies, in bytes.
const WORD: usize = 8;

/// Whether all of `length` bytes at `start` can be read.
pub fn can_read(start: usize, length: usize) -> bool {
    let Some(end) = start.checked_add(length) else {
        return false;
    };
    let next_page = (start | (PAGE - 1)).saturating_add(1);
    can_read_word(start) && (next_page..end).step_by(PAGE).all(can_read_word)
}

/// Whether the object at `address` can be read.
pub fn is_readable<T>(address: *const T) -> bool {
    can_read(address.addr(), size_of::<T>())
}

/// Whether the object at `address` can be written. Overwrites part of it.
pub fn is_writable<T>(address: *mut T) -> bool {
    const { assert!(size_of::<T>() >= WORD && size_of::<T>() <= PAGE) };
    let start = address.addr();
    let last = start.wrapping_add(size_of::<T>() - WORD);
    can_write_word(start) && (start / PAGE == last / PAGE || can_write_word(last))
}

/// Whether the aligned word around `address` can be read.
fn can_read_word(address: usize) -> bool {
    const NO_SUCH_CHANGE: i32 = -1;
    let word = address & !(WORD - 1);
    // SAFETY: the kernel reads the mask, then refuses the change.
    let ask = || unsafe { syscall!(SYS_rt_sigprocmask, NO_SUCH_CHANGE, word, 0usize, WORD) };
    // Null would be no mask.
    word != 0 && ask() != -(libc::EFAULT as isize)
}

/// Whether the word at `address` can be written.
fn can_write_word(address: usize) -> bool {
    // SAFETY: the kernel writes a word of what the caller is about to overwrite.
    let ask = || unsafe { syscall!(SYS_rt_sigprocmask, libc::SIG_BLOCK, 0usize, address, WORD) };
    address != 0 && ask() != -(libc::EFAULT as isize)
}
