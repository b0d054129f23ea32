//! Fences between two threads of which only one pays (membarrier(2)).
//!
//! Where each of two threads stores to one place and loads from the other, one of them sees the
//! other's store if both have a full fence in between. One of the two, the frequent one, has a
//! [`light`] one instead, which costs nothing, if the other has a [`heavy`] one: that has the
//! kernel execute a full fence on every processor that runs a thread of the process.

use core::sync::atomic::{AtomicBool, Ordering, compiler_fence};

use super::raw::syscall;

// <linux/membarrier.h>.
const PRIVATE_EXPEDITED: i32 = 1 << 3;
const REGISTER_PRIVATE_EXPEDITED: i32 = 1 << 4;
const GET_REGISTRATIONS: i32 = 1 << 9;

/// Whether a thread may have a filter that ends it for a call that the program does not make. A
/// forked child keeps it, as it keeps the filter.
static GIVEN_UP: AtomicBool = AtomicBool::new(false);

/// Whether the program itself has [registered](register). A forked child keeps it, as the kernel does.
static PROGRAMS: AtomicBool = AtomicBool::new(false);

/// `kernel`, a `membarrier(2)` of the program's with that `command`: what only libgreen has registered for is
/// refused.
pub fn by_program(command: i32, kernel: impl FnOnce() -> isize) -> isize {
    let result = kernel();
    match command {
        REGISTER_PRIVATE_EXPEDITED if result == 0 => PROGRAMS.store(true, Ordering::Relaxed),
        _ if PROGRAMS.load(Ordering::Relaxed) => {}
        PRIVATE_EXPEDITED if result == 0 => return -(libc::EPERM as isize),
        GET_REGISTRATIONS if result > 0 => {
            return result & !(REGISTER_PRIVATE_EXPEDITED as isize);
        }
        _ => {}
    }
    result
}

/// Asks the kernel for [`heavy`] fences, which takes long where the process has several kernel
/// threads. A forked child has asked, too.
pub fn register() {
    if !GIVEN_UP.load(Ordering::Relaxed) {
        // SAFETY: no memory is involved. Failure is what `heavy` tells.
        unsafe { syscall!(SYS_membarrier, REGISTER_PRIVATE_EXPEDITED, 0, 0) };
    }
}

/// The program is about to install a filter of system calls.
pub fn give_up() {
    GIVEN_UP.store(true, Ordering::Relaxed);
}

/// The compiler keeps the order of what is before and after.
#[inline(always)]
pub fn light() {
    compiler_fence(Ordering::SeqCst);
}

/// A full fence here, and in every other thread's [`light`] one. False if that is not to be
/// had: with old kernels, before [`register`], or where a filter denies it, at any time.
pub fn heavy() -> bool {
    // SAFETY: no memory is involved.
    !GIVEN_UP.load(Ordering::Relaxed)
        && unsafe { syscall!(SYS_membarrier, PRIVATE_EXPEDITED, 0, 0) == 0 }
}
