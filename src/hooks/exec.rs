//! Executing another program. libc's other functions for that call the first one, where it is patched.

use core::ffi::{c_char, c_int};

use super::symbol::check;
use crate::glibc::real::real;
use crate::signal::exec;

type Execute =
    unsafe extern "C-unwind" fn(*const c_char, *const *const c_char, *const *const c_char) -> c_int;
type ExecuteAt = unsafe extern "C-unwind" fn(
    c_int,
    *const c_char,
    *const *mut c_char,
    *const *mut c_char,
    c_int,
) -> c_int;
type ExecuteFile =
    unsafe extern "C-unwind" fn(c_int, *const *const c_char, *const *const c_char) -> c_int;

fn real_execve() -> Execute {
    real!(execve: Execute)
}

fn real_execveat() -> ExecuteAt {
    real!(execveat: ExecuteAt)
}

fn real_fexecve() -> ExecuteFile {
    real!(fexecve: ExecuteFile)
}

/// Looks libc's functions up: in a handler and in a forked child it is too late for that.
pub fn resolve() {
    real_execve();
    real_execveat();
    real_fexecve();
}

/// `execve(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn execve(
    path: *const c_char,
    arguments: *const *const c_char,
    environment: *const *const c_char,
) -> c_int {
    // SAFETY: as the caller promises.
    exec::across(|| unsafe { real_execve()(path, arguments, environment) })
}
check!(execve(_, _, _));

/// `execveat(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn execveat(
    directory: c_int,
    path: *const c_char,
    arguments: *const *mut c_char,
    environment: *const *mut c_char,
    flags: c_int,
) -> c_int {
    // SAFETY: as the caller promises.
    exec::across(|| unsafe { real_execveat()(directory, path, arguments, environment, flags) })
}
check!(execveat(_, _, _, _, _));

/// `fexecve(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn fexecve(
    fd: c_int,
    arguments: *const *const c_char,
    environment: *const *const c_char,
) -> c_int {
    // SAFETY: as the caller promises.
    exec::across(|| unsafe { real_fexecve()(fd, arguments, environment) })
}
check!(fexecve(_, _, _));
