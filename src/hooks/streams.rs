//! stdio's streams: the lives of the descriptors behind them.

use core::ffi::{c_char, c_int};

use libc::FILE;

use super::symbol::{alias, check};
use crate::glibc::patch;
use crate::glibc::real::real;
use crate::hub::descriptor;
use crate::ops::lives;
use crate::sched::{self, blocking};
use crate::thread::name_files;

unsafe extern "C" {
    fn __fsetlocking(stream: *mut FILE, kind: c_int) -> c_int;
    fn ftrylockfile(stream: *mut FILE) -> c_int;
    fn flockfile(stream: *mut FILE);
    fn funlockfile(stream: *mut FILE);
}

/// <stdio_ext.h>: asks who sees to a stream's lock, and the answer "the program".
const FSETLOCKING_QUERY: c_int = 0;
const FSETLOCKING_BYCALLER: c_int = 2;

/// Runs `call`, which opens a stream: the life of its descriptor, if it has one, begins.
pub fn make(call: impl FnOnce() -> *mut FILE) -> *mut FILE {
    let since = descriptor::now();
    let stream = call();
    if !stream.is_null() {
        // SAFETY: a stream that is open.
        lives::made(unsafe { libc::fileno(stream) }, since);
    }
    stream
}

/// Runs `call`, which closes `stream`. Who waits on the descriptor by its number learns
/// so; who is in one of stdio's functions has the stream's lock, and libc closes it after
/// him.
///
/// # Safety
/// The stream is open.
unsafe fn end<R>(stream: *mut FILE, call: impl FnOnce() -> R) -> R {
    // SAFETY: as the caller promises.
    unsafe {
        let locks =
            sched::is_running() && __fsetlocking(stream, FSETLOCKING_QUERY) != FSETLOCKING_BYCALLER;
        if locks && ftrylockfile(stream) != 0 {
            blocking::region(|| flockfile(stream));
        }
        if name_files::are_open() {
            // Perhaps this one, of which the buffer is a name.
            libc::fflush(stream);
        }
        lives::end(libc::fileno(stream), || {
            if locks {
                funlockfile(stream);
            }
            call()
        })
    }
}

/// `fopen(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn fopen(path: *const c_char, mode: *const c_char) -> *mut FILE {
    let real = real!(fopen(_, _));
    // SAFETY: as the caller promises.
    make(|| unsafe { real(path, mode) })
}
check!(fopen(_, _));

alias!(fopen64 = fopen);

/// `freopen(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn freopen(
    path: *const c_char,
    mode: *const c_char,
    stream: *mut FILE,
) -> *mut FILE {
    let real = real!(freopen(_, _, _));
    // SAFETY: as the caller promises.
    unsafe { end(stream, || make(|| real(path, mode, stream))) }
}
check!(freopen(_, _, _));

alias!(freopen64 = freopen);

/// `fclose(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn fclose(stream: *mut FILE) -> c_int {
    let real = real!(fclose(_));
    // SAFETY: as the caller promises.
    unsafe { end(stream, || real(stream)) }
}
check!(fclose(_));

/// `pclose(3)`: waits for the command.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pclose(stream: *mut FILE) -> c_int {
    let real = real!(pclose(_));
    // SAFETY: as the caller promises.
    let call = || unsafe { real(stream) };
    let close = || {
        if patch::have_all(&[c"wait4", patch::WAIT_FOR_LOCK]) {
            call()
        } else {
            blocking::region(call)
        }
    };
    // SAFETY: as the caller promises.
    unsafe { end(stream, close) }
}
check!(pclose(_));
