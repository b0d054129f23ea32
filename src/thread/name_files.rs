//! Files that stand in for a thread's `comm` in /proc (proc(5)).
//!
//! The kernel has such a file for each of its own threads, by which a thread's name can be read and, within
//! the process, be changed. What is opened for a green one is a file in memory with its name; what is
//! written to it is the thread's name from the moment on that somebody asks for that, or the file is closed.

use core::sync::atomic::{AtomicUsize, Ordering};

use super::attributes;
use crate::sys::file::File;
use crate::sys::in_child::in_child;
use crate::sys::raw::syscall;
use crate::task::lock::Locked;
use crate::task::{Critical, Thread, rank};

/// More than a program has open at a time; of those beyond what is written is lost.
const MOST: usize = 16;

#[derive(Clone, Copy)]
struct Writable {
    fd: i32,
    /// Which file it is: the number may be closed behind our back.
    inode: u64,
    thread: &'static Thread,
    /// The thread's, where another one may have taken its husk since.
    id: i32,
    /// What it began with, when somebody last looked.
    seen: [u8; 16],
}

static OPEN: Locked<[Option<Writable>; MOST], { rank::NAMES }> = Locked::new([None; MOST]);
/// How many there are: a hint outside the lock.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Opens one for `thread`, which is green, with these `O_*`: the descriptor or `-errno`.
pub fn open(thread: &'static Thread, flags: i32) -> isize {
    catch_up();
    // SAFETY: a C string.
    let fd = unsafe {
        let closes = if flags & libc::O_CLOEXEC != 0 {
            libc::MFD_CLOEXEC
        } else {
            0
        };
        syscall!(SYS_memfd_create, c"comm".as_ptr(), closes)
    };
    if fd < 0 {
        return fd;
    }
    let fd = fd as i32;
    if flags & libc::O_ACCMODE != libc::O_WRONLY {
        let name = thread.name.get();
        let length = name
            .iter()
            .position(|byte| *byte == 0)
            .unwrap_or(name.len() - 1);
        let mut line = [b'\n'; 16];
        line[..length].copy_from_slice(&name[..length]);
        // SAFETY: a live buffer, a descriptor that is ours.
        unsafe { syscall!(SYS_pwrite64, fd, line.as_ptr(), length + 1, 0) };
    }
    if flags & libc::O_ACCMODE != libc::O_RDONLY {
        note(thread, fd);
    }
    fd as isize
}

fn note(thread: &'static Thread, fd: i32) {
    let Some(inode) = File::of(fd).map(|file| file.inode()) else {
        return;
    };
    let writable = Writable {
        fd,
        inode,
        thread,
        id: thread.tid.load(Ordering::Relaxed),
        seen: beginning(fd),
    };
    let _critical = Critical::enter();
    OPEN.with(|open| {
        if let Some(place) = open.iter_mut().find(|place| place.is_none()) {
            *place = Some(writable);
            COUNT.fetch_add(1, Ordering::Relaxed);
        }
    });
}

/// What the file begins with.
fn beginning(fd: i32) -> [u8; 16] {
    let mut bytes = [0u8; 16];
    // The kernel, too, takes 15 bytes.
    // SAFETY: a live buffer.
    unsafe { syscall!(SYS_pread64, fd, bytes.as_mut_ptr(), bytes.len() - 1, 0) };
    bytes
}

/// Whether some may be open.
pub fn are_open() -> bool {
    COUNT.load(Ordering::Relaxed) > 0
}

/// Names threads as they are called in files that are open.
pub fn catch_up() {
    look(|_| true);
}

/// Likewise of `fd` alone, which the program is about to close.
#[inline]
pub fn closing(fd: i32) {
    look(|open| open == fd);
}

#[inline]
fn look(concerns: impl Fn(i32) -> bool) {
    if are_open() {
        look_at(concerns);
    }
}

#[cold]
fn look_at(concerns: impl Fn(i32) -> bool) {
    let _critical = Critical::enter();
    OPEN.with(|open| {
        for place in open {
            let Some(writable) = place.as_mut().filter(|writable| concerns(writable.fd)) else {
                continue;
            };
            if File::of(writable.fd).is_none_or(|file| file.inode() != writable.inode) {
                *place = None;
                COUNT.fetch_sub(1, Ordering::Relaxed);
                continue;
            }
            let now = beginning(writable.fd);
            if now != writable.seen && writable.thread.tid.load(Ordering::Relaxed) == writable.id {
                let length = now.iter().position(|byte| *byte == 0).unwrap_or(15);
                attributes::give_name(writable.thread, &now[..length]);
            }
            writable.seen = now;
        }
    });
}

/// In a forked child nothing is known of them.
///
/// # Safety
/// The caller is the process's only thread.
unsafe fn reset() {
    if COUNT.swap(0, Ordering::Relaxed) > 0 {
        // SAFETY: as the caller promises.
        unsafe { OPEN.reset([None; MOST]) };
    }
}

in_child!(reset);
