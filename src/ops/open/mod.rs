//! Opening a FIFO, which waits until somebody has its other end (fifo(7)).
//!
//! Whoever waits counts as a reader or writer from the moment he begins to, and goes on when the
//! other end has been opened since, even if it is closed again. What waits in its stead, without a
//! kernel thread, is a descriptor of the same kind that nobody has been given yet: for
//! [reading](reader) an `open` with `O_NONBLOCK` makes one, for [writing](writer) a detour. When to
//! look whether the other end is there, the hub knows ([`fifos`]). `O_NONBLOCK` is taken back before
//! anybody else has the descriptor. A call that a handler interrupts has none while that runs, as
//! natively.

mod leader;
mod opened;
mod reader;
mod writer;

use core::ffi::c_char;
use core::mem::MaybeUninit;

use self::opened::make_blocking;
use super::turn::{self, Ends};
use super::{EINTR, Operation, lives};
use crate::hub::descriptor::Direction;
use crate::hub::fifos;
use crate::sched::{turns, wake};
use crate::signal::{Watch, cancel, restart};
use crate::sys::clock::NEVER;
use crate::sys::raw::syscall;
use crate::task::word::{Cancellation, Wake};
use crate::task::{Critical, Thread};

/// What `openat(2)` is asked for.
#[derive(Clone, Copy)]
pub struct Request {
    /// `AT_FDCWD`, or what `path` is relative to.
    pub directory: i32,
    /// The file's name.
    pub path: *const c_char,
    /// `O_*`.
    pub flags: i32,
    /// The mode of a file that is made.
    pub mode: u32,
    /// `RESOLVE_*`, of an `openat2(2)`.
    pub resolution: Option<u64>,
}

/// What an attempt has come to.
enum Attempt {
    /// The result.
    Done(isize),
    /// Nobody but the kernel can wait here, or says what is wrong.
    Native,
    /// A signal, or a request for cancellation, has come first. Nothing is open.
    Interrupted,
    /// Nothing is open, and there is a reason to try again.
    Again,
}

impl Request {
    /// Opens the file by `native`, which blocks in the kernel, or without that if it is a FIFO.
    /// The new descriptor, whose life has not begun, or `-errno`.
    ///
    /// # Safety
    /// As for `openat`.
    pub unsafe fn run(
        &self,
        me: &'static Thread,
        cancellation: Cancellation,
        native: impl Fn() -> isize,
    ) -> isize {
        // SAFETY: as the caller promises.
        unsafe {
            let Some(file) = self.may_wait() else {
                return native();
            };
            if cancellation == Cancellation::Point {
                cancel::point();
            }
            let opened = if self.flags & libc::O_ACCMODE == libc::O_WRONLY {
                let writer = writer::Writer::new(self, file, cancellation);
                repeat(me, cancellation, || writer.attempt(me, &native))
            } else {
                repeat(me, cancellation, || self.attempt_to_read(me, cancellation))
            };
            opened.unwrap_or_else(|| in_turn(cancellation, native))
        }
    }

    /// Which file it is, if it seems to be a FIFO, and the open may wait for its other end. That a
    /// file is looked at before it is opened takes a third of a microsecond.
    unsafe fn may_wait(&self) -> Option<File> {
        // What never waits, does something else, or would not be the same with `O_NONBLOCK` set
        // and taken back.
        const OTHERWISE: i32 =
            libc::O_NONBLOCK | libc::O_PATH | libc::O_DIRECTORY | libc::O_ASYNC | libc::O_DIRECT;
        const NEW: i32 = libc::O_CREAT | libc::O_EXCL;
        let one_way = matches!(
            self.flags & libc::O_ACCMODE,
            libc::O_RDONLY | libc::O_WRONLY
        );
        if !one_way || self.flags & OTHERWISE != 0 || self.flags & NEW == NEW {
            return None;
        }
        let mut status = MaybeUninit::<libc::stat>::uninit();
        // SAFETY: as the caller promises; `status` is written if the call succeeds.
        let status = unsafe {
            if self.look(status.as_mut_ptr()) != 0 {
                return None;
            }
            status.assume_init()
        };
        (status.st_mode & libc::S_IFMT == libc::S_IFIFO).then_some(File {
            device: status.st_dev,
            inode: status.st_ino,
        })
    }

    /// What the name leads to, like `stat`.
    unsafe fn look(&self, status: *mut libc::stat) -> isize {
        let no_follow = self.flags & libc::O_NOFOLLOW;
        if !self.is_restricted() {
            let follow = match no_follow {
                0 => 0,
                _ => libc::AT_SYMLINK_NOFOLLOW,
            };
            // SAFETY: as the caller promises.
            return unsafe { syscall!(SYS_newfstatat, self.directory, self.path, status, follow) };
        }
        // No handler runs meanwhile: it might never return.
        let _critical = Critical::enter();
        // SAFETY: as the caller promises.
        let fd = fifos::begin(|| unsafe { self.with(libc::O_PATH | libc::O_CLOEXEC | no_follow) });
        if fd < 0 {
            return fd;
        }
        // SAFETY: as the caller promises.
        let result = unsafe { syscall!(SYS_fstat, fd, status) };
        // Nobody waits there.
        let _ = fifos::close(fd as i32);
        result
    }

    /// Whether the name leads elsewhere than to `stat`, or nowhere.
    fn is_restricted(&self) -> bool {
        self.resolution.is_some_and(|resolution| resolution != 0)
    }

    /// Opens the file with these flags.
    ///
    /// # Safety
    /// As for `openat`.
    pub(super) unsafe fn with(&self, flags: i32) -> isize {
        let Self {
            directory,
            path,
            mode,
            ..
        } = *self;
        // SAFETY: as the caller promises.
        unsafe {
            let Some(resolve) = self.resolution else {
                return syscall!(SYS_openat, directory, path, flags, mode);
            };
            let mut how: libc::open_how = core::mem::zeroed();
            how.flags = flags as u32 as u64;
            how.mode = if flags & libc::O_CREAT == 0 {
                0
            } else {
                mode.into()
            };
            how.resolve = resolve;
            syscall!(
                SYS_openat2,
                directory,
                path,
                &raw const how,
                size_of_val(&how)
            )
        }
    }

    /// The descriptor `fd`, which has been waited at, is as the program wants it.
    fn opened(&self, fd: i32) -> Attempt {
        make_blocking(fd);
        if self.flags & libc::O_CLOEXEC == 0 {
            // SAFETY: numbers are no memory.
            unsafe { syscall!(SYS_fcntl, fd, libc::F_SETFD, 0) };
        }
        tell(&fifos::end(fd));
        Attempt::Done(fd as isize)
    }
}

/// Which file a name leads to.
#[derive(Clone, Copy, PartialEq, Eq)]
struct File {
    device: u64,
    inode: u64,
}

/// Calls `attempt` until it opens the file, or a handler ends that: the result. `None` if the kernel
/// has to wait.
fn repeat(
    me: &'static Thread,
    cancellation: Cancellation,
    mut attempt: impl FnMut() -> Attempt,
) -> Option<isize> {
    let watch = Watch::new(me);
    loop {
        match attempt() {
            Attempt::Done(result) => return Some(result),
            Attempt::Native => return None,
            Attempt::Again => {}
            Attempt::Interrupted => {
                cancel::after(cancellation);
                if watch.interrupted() {
                    return Some(EINTR);
                }
            }
        }
    }
}

/// Parks until `is_met` says that the other end of the FIFO behind `fd` is, or was, open: `None`
/// then, or what the wait has come to; `fd` is closed. The caller is critical.
fn await_other_end(
    me: &'static Thread,
    fd: i32,
    cancellation: Cancellation,
    is_met: impl Fn() -> bool,
) -> Option<Attempt> {
    lives::make_own(fd);
    let Some(operation) = Operation::new(me, fd, Direction::Read) else {
        tell(&fifos::close(fd));
        return Some(Attempt::Native);
    };
    loop {
        let edges = operation.entry.edges(Direction::Read);
        if is_met() {
            return None;
        }
        match operation.park(edges, NEVER, cancellation) {
            // Another thread has closed the number, which was not its to close.
            Wake::Closed => {
                tell(&fifos::end(fd));
                return Some(Attempt::Again);
            }
            Wake::Interrupted if !is_met() => {
                tell(&fifos::close(fd));
                return Some(Attempt::Interrupted);
            }
            _ => {}
        }
    }
}

/// Has the others look who open the same FIFO.
fn tell(watch: &fifos::Watch) {
    wake::collecting(|woken| fifos::tell_all(watch, woken));
}

/// Has the kernel wait, when it is the caller's turn to block a kernel thread.
fn in_turn(cancellation: Cancellation, native: impl Fn() -> isize) -> isize {
    restart::kernel_call(|| {
        let call = || native();
        turn::run(&turns::CALLS, cancellation, Ends::UnlessRestarted, call).unwrap_or(EINTR)
    })
}
