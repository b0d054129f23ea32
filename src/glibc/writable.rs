//! Code that can be written for a moment.
//!
//! The kernel never joins a mapping that could be written with one that could not: pages that are opened by
//! themselves stay a line of their own in /proc. Who looks there for where a library's code lies finds it in one
//! piece natively, and so he does if all of it is opened.

use core::ops::Range;

use crate::sys::pages::PAGE;
use crate::sys::raw::syscall;

const CODE: i32 = libc::PROT_READ | libc::PROT_EXEC;

/// Lets the pages be written that have these addresses; false if the kernel does not.
///
/// # Safety
/// A private mapping of code, which stays executable all the time.
pub unsafe fn open(addresses: &Range<usize>) -> bool {
    // SAFETY: as the caller promises.
    unsafe { protect(addresses, CODE | libc::PROT_WRITE) }
}

/// The end of [`open`].
///
/// # Safety
/// The same.
pub unsafe fn close(addresses: &Range<usize>) {
    // SAFETY: as the caller promises.
    unsafe { protect(addresses, CODE) };
}

unsafe fn protect(addresses: &Range<usize>, protection: i32) -> bool {
    let start = addresses.start & !(PAGE - 1);
    let length = addresses.end.next_multiple_of(PAGE) - start;
    // SAFETY: as in `open`.
    unsafe { syscall!(SYS_mprotect, start, length, protection) == 0 }
}
