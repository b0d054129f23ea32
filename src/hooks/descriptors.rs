//! The lives of descriptor numbers: who ends one, who begins one, who changes
//! what is known of it.

use core::ffi::{c_char, c_int, c_uint, c_ulong};

use libc::mode_t;

use super::symbol::{alias, check};
use crate::glibc::real::real;
use crate::ops::lives::{self, end};
use crate::ops::{control, numbers, open, thread_files};
use crate::signal::{cancel, restart};
use crate::sys::errno;
use crate::task::word::Cancellation;

/// `close(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn close(fd: c_int) -> c_int {
    cancel::point();
    errno::to_libc(numbers::close_at_point(fd)) as c_int
}
check!(close(_));

alias!(__close = close);

/// `close_range(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn close_range(first: c_uint, last: c_uint, flags: c_int) -> c_int {
    errno::to_libc(numbers::close_range(first, last, flags as c_uint)) as c_int
}
check!(close_range(_, _, _));

/// `closefrom(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn closefrom(first: c_int) {
    numbers::close_from(first.max(0) as c_uint);
}

/// `dup(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn dup(fd: c_int) -> c_int {
    errno::to_libc(numbers::dup(fd)) as c_int
}
check!(dup(_));

/// `dup2(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn dup2(old: c_int, new: c_int) -> c_int {
    errno::to_libc(numbers::dup2(old, new)) as c_int
}
check!(dup2(_, _));

alias!(__dup2 = dup2);

/// `dup3(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn dup3(old: c_int, new: c_int, flags: c_int) -> c_int {
    errno::to_libc(numbers::dup3(old, new, flags)) as c_int
}
check!(dup3(_, _, _));

/// `fcntl(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn fcntl(fd: c_int, command: c_int, argument: c_ulong) -> c_int {
    // glibc's own: it knows of commands that need more than the system call.
    let real = real!(fcntl(_, _, _));
    // SAFETY: as the caller promises.
    let call = || restart::libc_call(|| unsafe { real(fd, command, argument) }) as isize;
    // A negative result may be an owner (F_GETOWN): it is libc's already.
    let ends = Cancellation::Point;
    control::control(fd, command, argument as usize, ends, call, errno::to_libc) as c_int
}
check!(fcntl(_, _; _));

alias!(fcntl64 = fcntl);

alias!(__fcntl = fcntl);

/// `ioctl(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn ioctl(fd: c_int, request: c_ulong, argument: c_ulong) -> c_int {
    // SAFETY: as the caller promises.
    errno::to_libc(unsafe { control::device_control(fd, request as usize, argument as usize) })
        as c_int
}
check!(ioctl(_, _; _));

/// `open(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn open(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { openat(libc::AT_FDCWD, path, flags, mode) }
}
check!(open(_, _; _));

alias!(open64 = open);

alias!(__open = open);

/// `creat(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn creat(path: *const c_char, mode: mode_t) -> c_int {
    // SAFETY: as the caller promises.
    unsafe {
        openat(
            libc::AT_FDCWD,
            path,
            libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC,
            mode,
        )
    }
}
check!(creat(_, _));

alias!(creat64 = creat);

/// `openat(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn openat(
    directory: c_int,
    path: *const c_char,
    flags: c_int,
    mode: mode_t,
) -> c_int {
    // SAFETY: as the caller promises.
    lives::make(|| unsafe { open_file(directory, path, flags, mode) })
}
check!(openat(_, _, _; _));

alias!(openat64 = openat);

/// `openat(2)`, but for the beginning of the descriptor's life.
///
/// # Safety
/// As for `openat`.
pub(super) unsafe fn open_file(
    directory: c_int,
    path: *const c_char,
    flags: c_int,
    mode: mode_t,
) -> c_int {
    let real = real!(openat(_, _, _, _));
    let request = open::Request {
        directory,
        path,
        flags,
        mode,
        resolution: None,
    };
    // SAFETY: as the caller promises.
    let native = || errno::to_kernel(unsafe { real(directory, path, flags, mode) } as isize);
    // SAFETY: as the caller promises.
    let result = unsafe { thread_files::open(&request, Cancellation::Point, native) };
    errno::to_libc(result) as c_int
}

/// Whether `open` takes a mode, which its fortified forms have no room for.
fn needs_mode(flags: c_int) -> bool {
    flags & libc::O_CREAT != 0 || flags & libc::O_TMPFILE == libc::O_TMPFILE
}

/// What `open` is with `_FORTIFY_SOURCE`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn __open_2(path: *const c_char, flags: c_int) -> c_int {
    let real = real!(__open_2(_, _));
    // SAFETY: as the caller promises. libc ends the program where there should be a mode.
    unsafe {
        if needs_mode(flags) {
            real(path, flags)
        } else {
            open(path, flags, 0)
        }
    }
}

/// What `open` is with `_FORTIFY_SOURCE`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn __open64_2(path: *const c_char, flags: c_int) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { __open_2(path, flags) }
}

/// What `openat` is with `_FORTIFY_SOURCE`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn __openat_2(
    directory: c_int,
    path: *const c_char,
    flags: c_int,
) -> c_int {
    let real = real!(__openat_2(_, _, _));
    // SAFETY: as the caller promises. libc ends the program where there should be a mode.
    unsafe {
        if needs_mode(flags) {
            real(directory, path, flags)
        } else {
            openat(directory, path, flags, 0)
        }
    }
}

/// What `openat` is with `_FORTIFY_SOURCE`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn __openat64_2(
    directory: c_int,
    path: *const c_char,
    flags: c_int,
) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { __openat_2(directory, path, flags) }
}

/// `closedir(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn closedir(directory: *mut libc::DIR) -> c_int {
    let real = real!(closedir(_));
    // SAFETY: as the caller promises.
    let call = || unsafe { real(directory) };
    if directory.is_null() {
        return call();
    }
    // SAFETY: as the caller promises.
    end(unsafe { libc::dirfd(directory) }, call)
}
check!(closedir(_));
