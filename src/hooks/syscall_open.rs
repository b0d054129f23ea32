//! Opening a file by number.

use core::ffi::{c_char, c_int};

use libc::open_how;

use super::syscall_call::Call;
use crate::ops::{lives, open, thread_files};
use crate::task::arguments;
use crate::task::word::Cancellation;

/// `call`, which opens the file of that directory and name.
///
/// # Safety
/// As for `openat`.
pub(super) unsafe fn open(
    call: &Call,
    (directory, path): (c_int, usize),
    flags: usize,
    mode: usize,
) -> isize {
    let request = open::Request {
        directory,
        path: path as *const c_char,
        flags: flags as c_int,
        mode: mode as libc::mode_t,
        resolution: None,
    };
    // SAFETY: as the caller promises.
    unsafe { make(call, &request) }
}

/// `call`, an `openat2` of the file of that directory and name, with `how` of that size in bytes.
///
/// # Safety
/// As for `openat2`.
pub(super) unsafe fn open_as(
    call: &Call,
    (directory, path): (c_int, usize),
    how: *const open_how,
    size: usize,
) -> isize {
    // SAFETY: as the caller promises.
    let kernel = || unsafe { call.kernel() };
    if size != size_of::<open_how>() || !arguments::is_readable(how) {
        return lives::make(kernel);
    }
    // SAFETY: just seen.
    let how = unsafe { how.read_unaligned() };
    let (flags, mode) = (c_int::try_from(how.flags), libc::mode_t::try_from(how.mode));
    let (Ok(flags), Ok(mode)) = (flags, mode) else {
        return lives::make(kernel);
    };
    if mode != 0 && flags & libc::O_CREAT == 0 {
        return lives::make(kernel);
    }
    let request = open::Request {
        directory,
        path: path as *const c_char,
        flags,
        mode,
        resolution: Some(how.resolve),
    };
    // SAFETY: as the caller promises.
    unsafe { make(call, &request) }
}

/// `call`, which is that `request`.
///
/// # Safety
/// As for `openat`.
unsafe fn make(call: &Call, request: &open::Request) -> isize {
    // SAFETY: as the caller promises.
    let kernel = || unsafe { call.kernel() };
    // SAFETY: as the caller promises.
    lives::make(|| unsafe { thread_files::open(request, Cancellation::Never, kernel) })
}
