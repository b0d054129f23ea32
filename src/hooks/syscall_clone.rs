//! Making a process by number: `clone` and `clone3`.

use core::ffi::c_int;

use super::fork;
use super::syscall_call::Call;
use crate::signal::actions;
use crate::sys::user;

/// `clone(2)`.
///
/// # Safety
/// As for the system call.
pub(super) unsafe fn clone(call: &Call) -> isize {
    // SAFETY: as the caller promises.
    let kernel = || unsafe { call.kernel() };
    let [flags, stack, ..] = call.arguments;
    match copies(flags as u64, stack as u64) {
        // SAFETY: it is such a call.
        Some(shares_files) => unsafe { fork::without_handlers(shares_files, kernel) },
        None => kernel(),
    }
}

/// `clone3(2)`.
///
/// # Safety
/// As for the system call.
pub(super) unsafe fn clone3(call: &Call) -> isize {
    // SAFETY: as the caller promises.
    let kernel = || unsafe { call.kernel() };
    let [arguments, size, ..] = call.arguments;
    // SAFETY: as the caller promises.
    match unsafe { clone3_copies(arguments, size) } {
        // SAFETY: it is such a call.
        Some((shares_files, clears_handlers)) => unsafe {
            fork::without_handlers(shares_files, || match kernel() {
                0 if clears_handlers => {
                    actions::forget_handlers();
                    0
                }
                result => result,
            })
        },
        None => kernel(),
    }
}

/// Of a `clone` by number that makes a process like `fork` does: whether that shares its
/// descriptors with the caller. `None` for all others, which are the kernel's affair.
fn copies(flags: u64, stack: u64) -> Option<bool> {
    let has = |flag: c_int| flags & flag as u64 != 0;
    (!has(libc::CLONE_VM) && stack == 0).then(|| has(libc::CLONE_FILES))
}

/// [`copies`] for `clone3`, whose arguments take `size` bytes, and whether the child has none of its
/// parent's handlers.
///
/// # Safety
/// `arguments` leads nowhere, or can be read.
unsafe fn clone3_copies(arguments: usize, size: usize) -> Option<(bool, bool)> {
    // <linux/sched.h>; too large for the libc crate's type of flags.
    const CLONE_CLEAR_SIGHAND: u64 = 1 << 32;
    // struct clone_args: the flags come first, the stack sixth.
    let arguments = arguments as *const [u64; 6];
    if size < size_of::<[u64; 6]>() || !user::is_readable(arguments) {
        return None;
    }
    // SAFETY: just seen.
    let [flags, .., stack] = unsafe { arguments.read_unaligned() };
    copies(flags, stack).map(|shares_files| (shares_files, flags & CLONE_CLEAR_SIGHAND != 0))
}
