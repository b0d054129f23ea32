//! What a thread passes to a call that the kernel would have carried out.
//!
//! Where libgreen does the kernel's work a pointer that leads nowhere has to give
//! `EFAULT`, as the kernel's does, and not a crash. So the kernel is asked, by a system
//! call that does nothing but to look there; not at all if the caller's own stack
//! contains the object, as it mostly does.

use core::mem::size_of;
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};

use super::current;
use crate::sys::pages::PAGE;
use crate::sys::raw::syscall;
use crate::sys::user;

/// Whether the calling thread can read `place`.
pub fn is_readable<T>(place: *const T) -> bool {
    are_readable(place.addr(), size_of::<T>())
}

/// Whether the calling thread can read all of `length` bytes from `start` on.
pub fn are_readable(start: usize, length: usize) -> bool {
    on_own_stack(start, length) || user::can_read(start, length)
}

/// [`is_readable`] for futex words: a page that was found readable stays so.
pub fn is_readable_word(place: *const u32) -> bool {
    // A forked child keeps them: its memory is the same.
    #[unsafe(link_section = ".llvm.linkonce.b.tables")]
    static KNOWN: [AtomicUsize; 256] = [const { AtomicUsize::new(0) }; 256];
    let page = place.addr() / PAGE;
    let known = &KNOWN[page % KNOWN.len()];
    if known.load(Ordering::Relaxed) == page && page != 0 {
        return true;
    }
    let readable = is_readable(place);
    if readable {
        known.store(page, Ordering::Relaxed);
    }
    readable
}

/// Whether an atomic operation can change the futex word `place`.
pub fn is_writable_word(place: *mut u32) -> bool {
    // Adds 0 to the word and wakes nobody of `nobody`; and nobody of the word, as it
    // compares with a value that no program's has.
    const ADD_NOTHING: u32 = 1 << 28 | 0x800;
    let nobody = 0u32;
    let operation = libc::FUTEX_WAKE_OP | libc::FUTEX_PRIVATE_FLAG;
    // SAFETY: `nobody` is live; the kernel refuses a bad address.
    let result = unsafe {
        syscall!(
            SYS_futex,
            &raw const nobody,
            operation,
            1,
            1,
            place,
            ADD_NOTHING
        )
    };
    result != -(libc::EFAULT as isize)
}

/// Writes `value` where the program has asked for it; `EFAULT` if that is not
/// writable.
///
/// # Safety
/// `place` is, if not nowhere, for a `T`.
pub unsafe fn give<T>(place: *mut T, value: T) -> Result<(), i32> {
    if !on_own_stack(place.addr(), size_of::<T>()) && !user::is_writable(place) {
        return Err(libc::EFAULT);
    }
    // SAFETY: as the caller promises; writable.
    unsafe { place.write_unaligned(value) };
    Ok(())
}

/// [`give`], unless `place` is null.
///
/// # Safety
/// As for [`give`].
pub unsafe fn give_if_asked<T>(place: *mut T, value: T) -> Result<(), i32> {
    if place.is_null() {
        return Ok(());
    }
    // SAFETY: as the caller promises.
    unsafe { give(place, value) }
}

/// Whether the object lies on the caller's stack, which libgreen has made, between the
/// caller's frame and the stack's end.
fn on_own_stack(start: usize, length: usize) -> bool {
    let here = ptr::from_ref(&start).addr();
    let base = current().stack.base();
    let top = base + current().stack.size();
    (base..top).contains(&here) && (here..top).contains(&start) && length <= top - start
}
