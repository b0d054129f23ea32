//! Opening for writing. With `O_NONBLOCK` that fails where nobody reads, so it takes a detour: the
//! FIFO is opened for both, which never waits, then for writing, and the first is closed again. What
//! is left is a writer without a reader, which counts for others as one that waits in the kernel
//! does, and to which `POLLERR` tells whether there is a reader (Linux, fs/pipe.c: `fifo_open`,
//! `pipe_poll`).
//!
//! For a moment there is a reader that reads nothing. All writers whom the kernel has wait go on by
//! that. Those of this process are kept from it: nobody of us makes a detour where one of us waits in
//! the kernel, but queues behind [him](leader); nor does anybody look meanwhile. Those of other
//! processes are not, so as long as there are few of them kernel threads wait.

use core::ffi::{CStr, c_char};
use std::io::Write;

use super::leader::{Following, Place};
use super::opened::{Kind, condition, make_blocking};
use super::{Attempt, File, Request, await_other_end};
use crate::glibc::cleanup;
use crate::hub::fifos;
use crate::sched::{blocking, wake};
use crate::signal::restart;
use crate::sys::clock::NEVER;
use crate::sys::raw::syscall;
use crate::task::word::{Cancellation, Wake};
use crate::task::{Critical, Thread, current};
use crate::wait::woken::Woken;

/// The length of the longest path in bytes, and some more.
const ROOM: usize = libc::PATH_MAX as usize + 40;

/// `path` as seen from the descriptor `directory`, in `room`, if that suffices.
///
/// # Safety
/// `path` is a C string.
unsafe fn below(
    directory: i32,
    path: *const c_char,
    room: &mut [u8; ROOM],
) -> Option<*const c_char> {
    // SAFETY: as the caller promises.
    let path = unsafe { CStr::from_ptr(path) }.to_bytes_with_nul();
    let mut rest = &mut room[..];
    write!(rest, "/proc/thread-self/fd/{directory}/").ok()?;
    rest.write_all(path).ok()?;
    Some(room.as_ptr().cast())
}

/// Somebody who opens a FIFO for writing.
pub struct Writer<'a> {
    request: &'a Request,
    file: File,
    cancellation: Cancellation,
}

/// What he waits in, where nobody reads.
enum Wait {
    /// This descriptor, which has been made by a detour.
    Detour(i32),
    /// Somebody else's kernel thread.
    Follow(Following),
    /// A kernel thread.
    Lead,
    /// The kernel says what is wrong.
    Native,
}

impl<'a> Writer<'a> {
    /// One who opens `file` as `request` says.
    pub fn new(request: &'a Request, file: File, cancellation: Cancellation) -> Self {
        Self {
            request,
            file,
            cancellation,
        }
    }

    /// One attempt; `native` opens it in the kernel.
    ///
    /// # Safety
    /// As for `openat`.
    pub unsafe fn attempt(&self, me: &'static Thread, native: &impl Fn() -> isize) -> Attempt {
        // SAFETY: as the caller promises.
        unsafe {
            // No handler runs meanwhile: it might never return.
            let critical = Critical::enter();
            // A detour of somebody else's is no reader.
            if let Some(attempt) = fifos::alone(|| self.at_once()) {
                return attempt;
            }
            match self.begin_to_wait(me) {
                Wait::Native => Attempt::Native,
                Wait::Detour(fd) => self.await_reader(me, fd),
                Wait::Follow(following) => {
                    let reason = following.turn().await_free(self.cancellation, NEVER);
                    self.after(following, reason)
                }
                Wait::Lead => {
                    drop(critical);
                    self.lead(native)
                }
            }
        }
    }

    /// What follows from `following` when that has ended for `reason`. If the leader has met a reader
    /// so has the caller, who takes the place of what counts for him. The caller is critical.
    ///
    /// # Safety
    /// As for `openat`.
    unsafe fn after(&self, following: Following, reason: Option<Wake>) -> Attempt {
        let turn = following.turn();
        let take_place = |woken: &mut Woken| {
            let is_met = following.is_met();
            // SAFETY: as the caller promises.
            let attempt = is_met.then(|| unsafe { self.at_once() }).flatten();
            let needs_detour = is_met && attempt.is_none();
            // SAFETY: as the caller promises.
            let detour = needs_detour
                .then(|| unsafe { self.detour(woken) })
                .flatten();
            following.end();
            (attempt, detour)
        };
        let outcome = wake::collecting(|woken| fifos::alone(|| take_place(woken)));
        if turn.used() == 0 {
            // Whoever follows and is told that nobody leads may not lead either.
            turn.let_next_look();
        }
        match outcome {
            (Some(attempt), _) => attempt,
            (None, Some(fd)) => self.request.opened(fd),
            (None, None) if reason == Some(Wake::Interrupted) => Attempt::Interrupted,
            (None, None) => Attempt::Again,
        }
    }

    /// Opens it if somebody reads, or finds out why not: `None` if one has to wait. The caller is
    /// alone.
    ///
    /// # Safety
    /// As for `openat`.
    unsafe fn at_once(&self) -> Option<Attempt> {
        const NO_READER: isize = -(libc::ENXIO as isize);
        let flags = self.request.flags | libc::O_NONBLOCK;
        // SAFETY: as the caller promises.
        let fd = unsafe { self.request.with(flags) };
        match Kind::of(fd as i32) {
            Kind::None if fd == NO_READER => None,
            Kind::None => Some(Attempt::Native),
            Kind::Fifo | Kind::AtOnce => {
                make_blocking(fd as i32);
                Some(Attempt::Done(fd))
            }
            Kind::Other => {
                // SAFETY: a descriptor that nobody has been given.
                unsafe { syscall!(SYS_close, fd) };
                Some(Attempt::Native)
            }
        }
    }

    unsafe fn begin_to_wait(&self, me: &'static Thread) -> Wait {
        wake::collecting(|woken| {
            fifos::alone(|| {
                if let Some(following) = Place::follow(self.file) {
                    return Wait::Follow(following);
                }
                if blocking::are_few() && !me.is_wired() {
                    return Wait::Lead;
                }
                // SAFETY: as the caller promises.
                unsafe { self.detour(woken) }.map_or(Wait::Native, Wait::Detour)
            })
        })
    }

    /// A number that is a writer without a reader, unless that cannot be done. The caller is alone.
    ///
    /// # Safety
    /// As for `openat`.
    unsafe fn detour(&self, woken: &mut Woken) -> Option<i32> {
        const OURS: i32 = libc::O_NONBLOCK | libc::O_CLOEXEC;
        // Of what the name leads to.
        const OF_NAMES: i32 = libc::O_CREAT | libc::O_NOFOLLOW | libc::O_TRUNC | libc::O_ACCMODE;
        if self.request.is_restricted() {
            // Its FIFO may be watched by another name only.
            return None;
        }
        let Request { path, flags, .. } = *self.request;
        let mut room = [0; ROOM];
        let open_both = || {
            // SAFETY: as the caller promises.
            unsafe {
                self.request
                    .with(flags & !libc::O_ACCMODE | libc::O_RDWR | OURS) as i32
            }
        };
        // SAFETY: as the caller promises.
        unsafe {
            let path = match self.request.directory {
                libc::AT_FDCWD => path,
                _ if *path == b'/' as c_char => path,
                directory => below(directory, path, &mut room)?,
            };
            let follows = flags & libc::O_NOFOLLOW == 0;
            let both = fifos::begin_writer(path, follows, open_both, woken)?;
            let (again, flags) = (
                fifos::path_of(both),
                flags & !OF_NAMES | libc::O_WRONLY | OURS,
            );
            let writer = match Kind::of(both) {
                Kind::Fifo => syscall!(SYS_openat, libc::AT_FDCWD, again.as_ptr(), flags, 0),
                _ => -1,
            };
            if writer >= 0 {
                let replaced = syscall!(SYS_dup3, writer, both, libc::O_CLOEXEC);
                syscall!(SYS_close, writer);
                if replaced == both as isize {
                    return Some(both);
                }
            }
            fifos::tell_all(&fifos::close_alone(both), woken);
        }
        None
    }

    /// Waits at `fd`, which has been made by a detour. The caller is critical.
    fn await_reader(&self, me: &'static Thread, fd: i32) -> Attempt {
        let has_reader =
            || fifos::alone(|| fifos::had_visitor(fd) || condition(fd) & libc::POLLERR == 0);
        await_other_end(me, fd, self.cancellation, has_reader)
            .unwrap_or_else(|| self.request.opened(fd))
    }

    /// Has the kernel wait, unless somebody else leads meanwhile.
    fn lead(&self, native: &impl Fn() -> isize) -> Attempt {
        let led = blocking::region(|| {
            let place = fifos::alone(|| Place::lead(self.file))?;
            // Taken out of it for good it leads no more.
            let left = || blocking::give_turn_back(current());
            let result = cleanup::guarded(left, || restart::kernel_call(native));
            if result >= 0 {
                // Whoever gets the turn knows.
                fifos::alone(|| place.note_meeting(result as i32));
            }
            Some((place, result))
        });
        let Some((place, result)) = led else {
            return Attempt::Again;
        };
        if result >= 0 {
            place.tell_followers();
        }
        Attempt::Done(result)
    }
}
