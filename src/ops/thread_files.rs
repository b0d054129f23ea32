//! Files of proc(5) that are about a thread, opened for a green one, which the kernel does not know.
//!
//! A thread's name is libgreen's business ([`name_files`]). What else the kernel says of a thread it says
//! of the kernel thread; so who is asked about is wired, and the file is that of the kernel thread that it
//! has for itself from then on. Files that tell the same of each thread of a process are opened as they are.

use core::ffi::{CStr, c_char};
use std::io::Write;

use super::open::Request;
use crate::glibc::tcb;
use crate::sched::kernel_thread;
use crate::signal::errand;
use crate::sys::raw::syscall;
use crate::task::word::Cancellation;
use crate::task::{Thread, green, green_by_id, green_or_wired, main_thread};
use crate::thread::name_files;

const ENOENT: isize = -(libc::ENOENT as isize);

/// Below a thread's directory, what is about it alone.
const PER_THREAD: [&[u8]; 14] = [
    b"arch_status",
    b"attr",
    b"children",
    b"fail-nth",
    b"io",
    b"latency",
    b"personality",
    b"sched",
    b"schedstat",
    b"stack",
    b"stat",
    b"status",
    b"syscall",
    b"wchan",
];

/// Whose files a path is about.
enum Whose {
    /// The caller's.
    Own,
    /// Those of a green thread that the kernel does not know by its id.
    Of(&'static Thread),
    /// The process's, or its main thread's.
    Process,
}

/// Carries `request` out for the caller, by `native` where nobody has to wait or it is no green thread: what
/// the program is to have.
///
/// # Safety
/// As for `openat`.
pub unsafe fn open(
    request: &Request,
    cancellation: Cancellation,
    native: impl Fn() -> isize,
) -> isize {
    // SAFETY: as the caller promises.
    unsafe {
        let result = match green() {
            Some(me) => request.run(me, cancellation, native),
            None => native(),
        };
        corrected(request, result)
    }
}

/// What the `request`, which has had this `result`, is to have had.
///
/// # Safety
/// As for `openat`.
#[inline]
unsafe fn corrected(request: &Request, result: isize) -> isize {
    // Otherwise the kernel may not have read the path.
    let is_read = result >= 0 || result == ENOENT;
    // SAFETY: the kernel has read it.
    if is_read && unsafe { begins_with(request.path, b"/proc/") } {
        // SAFETY: as the caller promises.
        return unsafe { in_proc(request, result) };
    }
    result
}

/// # Safety
/// `path` is a C string.
unsafe fn begins_with(path: *const c_char, beginning: &[u8]) -> bool {
    // SAFETY: not beyond its end, where bytes differ.
    (0..beginning.len()).all(|place| unsafe { *path.add(place) } as u8 == beginning[place])
}

#[cold]
unsafe fn in_proc(request: &Request, result: isize) -> isize {
    let Some(me) = green_or_wired() else {
        return result;
    };
    // SAFETY: as for `corrected`.
    let path = unsafe { CStr::from_ptr(request.path) }.to_bytes();
    let Some((whose, file)) = parsed(path) else {
        return result;
    };
    let writes = request.flags & libc::O_ACCMODE != libc::O_RDONLY;
    let thread = match whose {
        Whose::Own if result >= 0 => me,
        Whose::Of(thread) if result == ENOENT => thread,
        Whose::Process if result >= 0 && writes && file == b"comm" => match main_thread() {
            Some(main) if main.is_green() => main,
            _ => return result,
        },
        _ => return result,
    };
    let is_own = thread.is(me) && result >= 0;
    if is_own && file != b"comm" && (me.is_wired() || !is_per_thread(file)) {
        return result;
    }
    if result >= 0 {
        // SAFETY: nobody has got it yet.
        unsafe { syscall!(SYS_close, result) };
    }
    if file == b"comm" {
        return name_files::open(thread, request.flags);
    }
    let Some(id) = errand::wire(thread) else {
        return ENOENT;
    };
    // Longer than such names are; zeros behind what is written.
    let mut path = [0u8; 256];
    let mut room = &mut path[..255];
    let written = write!(room, "/proc/self/task/{id}/").and_then(|()| room.write_all(file));
    if written.is_err() {
        return ENOENT;
    }
    let path = path.as_ptr().cast();
    // SAFETY: a C string; for the rest as the caller promises.
    unsafe { Request { path, ..*request }.with(request.flags) }
}

/// Whose files `path` is about, which begins with `/proc/`, and what it is called in that thread's directory.
fn parsed(path: &[u8]) -> Option<(Whose, &[u8])> {
    let (first, rest) = next(path.strip_prefix(b"/proc/")?);
    if first == b"thread-self" {
        return Some((Whose::Own, rest));
    }
    let mut id = number(first);
    let mut file = rest;
    if first == b"self" || id == Some(kernel_thread::process()) {
        let (directory, rest) = next(rest);
        if directory != b"task" {
            return Some((Whose::Process, file));
        }
        let (thread, rest) = next(rest);
        (id, file) = (number(thread), rest);
    }
    match id? {
        id if id >= tcb::FIRST_ID => Some((Whose::Of(green_by_id(id)?), file)),
        id if id == kernel_thread::process() => Some((Whose::Process, file)),
        _ => None,
    }
}

/// The first name of a path, and what comes after it.
fn next(path: &[u8]) -> (&[u8], &[u8]) {
    let end = path
        .iter()
        .position(|byte| *byte == b'/')
        .unwrap_or(path.len());
    let rest = &path[end..];
    let slashes = rest.iter().take_while(|byte| **byte == b'/').count();
    (&path[..end], &rest[slashes..])
}

fn number(name: &[u8]) -> Option<i32> {
    core::str::from_utf8(name).ok()?.parse().ok()
}

fn is_per_thread(file: &[u8]) -> bool {
    let first = file.split(|byte| *byte == b'/').next();
    PER_THREAD.iter().any(|known| first == Some(*known))
}
