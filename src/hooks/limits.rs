//! The limit on descriptors: while the hub moves it is not the program's.

use core::ffi::{c_int, c_uint};

use libc::{pid_t, rlimit, rlimit64};

use super::symbol::{alias, check};
use super::thread_ids::process_of;
use crate::hub::place;
use crate::sys::errno;
use crate::sys::raw::syscall;
use crate::task::current;

/// `prlimit(2)`, as the kernel returns it.
///
/// # Safety
/// As for `prlimit`.
pub unsafe fn exchange(
    process: pid_t,
    resource: c_uint,
    new: *const rlimit64,
    old: *mut rlimit64,
) -> isize {
    let process = process_of(process);
    // SAFETY: as the caller promises.
    let kernel = || unsafe { syscall!(SYS_prlimit64, process, resource, new, old) };
    // SAFETY: no arguments.
    let own = process == 0 || process == unsafe { syscall!(SYS_getpid) } as pid_t;
    if resource != libc::RLIMIT_NOFILE || !own || current().is_lent() {
        return kernel();
    }
    let held = place::hold();
    let result = kernel();
    if result == 0 && !new.is_null() {
        place::limit_changed(&held);
    }
    result
}

/// `prlimit(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn prlimit(
    process: pid_t,
    resource: c_uint,
    new: *const rlimit,
    old: *mut rlimit,
) -> c_int {
    // SAFETY: as the caller promises; the two types are the same on x86-64.
    errno::to_libc(unsafe { exchange(process, resource, new.cast(), old.cast()) }) as c_int
}
check!(prlimit(_, _, _, _));

alias!(prlimit64 = prlimit);

/// `getrlimit(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn getrlimit(resource: c_uint, limit: *mut rlimit) -> c_int {
    // SAFETY: as the caller promises; see `prlimit`.
    errno::to_libc(unsafe { exchange(0, resource, core::ptr::null(), limit.cast()) }) as c_int
}
check!(getrlimit(_, _));

alias!(getrlimit64 = getrlimit);

/// `setrlimit(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn setrlimit(resource: c_uint, limit: *const rlimit) -> c_int {
    // SAFETY: as the caller promises; see `prlimit`.
    errno::to_libc(unsafe { exchange(0, resource, limit.cast(), core::ptr::null_mut()) }) as c_int
}
check!(setrlimit(_, _));

alias!(setrlimit64 = setrlimit);
