//! Opening a FIFO, which waits until somebody has its other end (fifo(7)).
//!
//! *For reading.* A reader counts from the moment it begins to wait, and goes on when a writer has
//! come since, even if that one has gone again. An open with `O_NONBLOCK` is the beginning of
//! that, and the kernel tells of writers afterwards: without any a read is at an end of file, with
//! one it fails, and `POLLHUP` says that the last one has gone, but not before there was one
//! (Linux, fs/pipe.c: `fifo_open`, `pipe_read`, `pipe_poll`). When to look, the hub knows
//! ([`fifos`]). `O_NONBLOCK` is taken back before anybody else has the descriptor. A call that a
//! handler interrupts has no descriptor while that runs, as natively.
//!
//! *For writing* there is nothing like it: without readers `O_NONBLOCK` fails, and a writer that
//! waits counts as one, by which readers see that they are at no end of file. So the kernel waits.

use core::ffi::c_char;
use core::mem::MaybeUninit;

use super::turn::{self, Ends};
use super::{EAGAIN, EINTR, Operation};
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
}

/// What an attempt to open for reading has come to.
enum Attempt {
    /// The descriptor.
    Opened(isize),
    /// Nobody but the kernel can wait here, or says what is wrong.
    Native,
    /// A signal, or a request for cancellation, has come first. Nothing is open.
    Interrupted,
    /// Another thread has closed the number, which was not its to close. Nothing is open.
    Lost,
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
            if !self.may_wait() {
                return native();
            }
            if cancellation == Cancellation::Point {
                cancel::point();
            }
            let opened = if self.flags & libc::O_ACCMODE == libc::O_WRONLY {
                self.for_writing()
            } else {
                self.for_reading(me, cancellation)
            };
            opened.unwrap_or_else(|| in_turn(cancellation, native))
        }
    }

    /// Whether it is a FIFO, as it seems, and the open may wait for its other end. That a file is
    /// looked at before it is opened takes a third of a microsecond.
    unsafe fn may_wait(&self) -> bool {
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
            return false;
        }
        let mut status = MaybeUninit::<libc::stat>::uninit();
        let follow = match self.flags & libc::O_NOFOLLOW {
            0 => 0,
            _ => libc::AT_SYMLINK_NOFOLLOW,
        };
        let place = status.as_mut_ptr();
        // SAFETY: as the caller promises; `status` is written if the call succeeds.
        unsafe {
            syscall!(SYS_newfstatat, self.directory, self.path, place, follow) == 0
                && status.assume_init().st_mode & libc::S_IFMT == libc::S_IFIFO
        }
    }

    /// Opens the file with more flags.
    unsafe fn with(&self, more: i32) -> isize {
        let flags = self.flags | more;
        // SAFETY: as the caller promises.
        unsafe { syscall!(SYS_openat, self.directory, self.path, flags, self.mode) }
    }

    /// `None` if the kernel has to wait.
    unsafe fn for_writing(&self) -> Option<isize> {
        let _critical = Critical::enter();
        // SAFETY: as the caller promises.
        let fd = unsafe { self.with(libc::O_NONBLOCK) } as i32;
        match Kind::of(fd) {
            Kind::None => None,
            Kind::Fifo | Kind::AtOnce => {
                make_blocking(fd);
                Some(fd as isize)
            }
            Kind::Other => {
                // SAFETY: a descriptor that nobody has been given.
                unsafe { syscall!(SYS_close, fd) };
                None
            }
        }
    }

    /// `None` if the kernel has to wait.
    unsafe fn for_reading(&self, me: &'static Thread, cancellation: Cancellation) -> Option<isize> {
        let watch = Watch::new(me);
        loop {
            // SAFETY: as the caller promises.
            match unsafe { self.attempt(me, cancellation) } {
                Attempt::Opened(fd) => return Some(fd),
                Attempt::Native => return None,
                Attempt::Lost => {}
                Attempt::Interrupted => {
                    if cancellation == Cancellation::Point {
                        cancel::point();
                    }
                    if watch.interrupted() {
                        return Some(EINTR);
                    }
                }
            }
        }
    }

    /// One attempt. No handler runs meanwhile: it might never return.
    unsafe fn attempt(&self, me: &'static Thread, cancellation: Cancellation) -> Attempt {
        let _critical = Critical::enter();
        // SAFETY: as the caller promises.
        let fd = fifos::begin(|| unsafe { self.with(libc::O_NONBLOCK | libc::O_CLOEXEC) }) as i32;
        match Kind::of(fd) {
            Kind::None => Attempt::Native,
            Kind::AtOnce => self.opened(fd),
            Kind::Fifo => match await_writer(me, fd, cancellation) {
                None => self.opened(fd),
                Some(attempt @ Attempt::Lost) => {
                    tell(&fifos::end(fd));
                    attempt
                }
                Some(attempt) => {
                    tell(&fifos::close(fd));
                    attempt
                }
            },
            Kind::Other => {
                tell(&fifos::close(fd));
                Attempt::Native
            }
        }
    }

    /// The descriptor `fd` is as the program wants it.
    fn opened(&self, fd: i32) -> Attempt {
        make_blocking(fd);
        if self.flags & libc::O_CLOEXEC == 0 {
            // SAFETY: numbers are no memory.
            unsafe { syscall!(SYS_fcntl, fd, libc::F_SETFD, 0) };
        }
        tell(&fifos::end(fd));
        Attempt::Opened(fd as isize)
    }
}

/// What was opened without waiting.
enum Kind {
    /// Nothing.
    None,
    /// What was looked for.
    Fifo,
    /// Put in its place since, and the same as if it had been opened without `O_NONBLOCK`.
    AtOnce,
    /// A device, to which that may make a difference.
    Other,
}

impl Kind {
    fn of(fd: i32) -> Self {
        let mut status = MaybeUninit::<libc::stat>::uninit();
        // SAFETY: `status` is written if the call succeeds.
        let mode = unsafe {
            if fd < 0 || syscall!(SYS_fstat, fd, status.as_mut_ptr()) != 0 {
                return Self::None;
            }
            status.assume_init().st_mode
        };
        match mode & libc::S_IFMT {
            libc::S_IFIFO => Self::Fifo,
            libc::S_IFREG | libc::S_IFDIR => Self::AtOnce,
            _ => Self::Other,
        }
    }
}

/// Parks until the FIFO that `fd` reads from has, or has had, a writer: `None` then, or why that
/// cannot be. The caller is critical.
fn await_writer(me: &'static Thread, fd: i32, cancellation: Cancellation) -> Option<Attempt> {
    if had_writer(fd) {
        return None;
    }
    let operation = Operation::new(me, fd, Direction::Read).filter(|_| fifos::watch(fd));
    let Some(operation) = operation else {
        return Some(Attempt::Native);
    };
    loop {
        let edges = operation.entry.edges(Direction::Read);
        if had_writer(fd) {
            return None;
        }
        match operation.park(edges, NEVER, cancellation) {
            Wake::Closed => return Some(Attempt::Lost),
            Wake::Interrupted if !had_writer(fd) => return Some(Attempt::Interrupted),
            _ => {}
        }
    }
}

/// Whether the FIFO that `fd` reads from without blocking has a writer, or has had one since it was
/// opened. Data is taken for a sign of that: what former writers have left, and no reader has taken
/// who has the FIFO open, is not told from it.
fn had_writer(fd: i32) -> bool {
    /// Memory that is not to be written, so that a read takes nothing.
    static NOWHERE: usize = 0;
    const EFAULT: isize = -(libc::EFAULT as isize);
    // SAFETY: the kernel refuses the address.
    match unsafe { syscall!(SYS_read, fd, &raw const NOWHERE, 1) } {
        EAGAIN | EFAULT => true,
        0 => is_hung_up(fd),
        _ => false,
    }
}

fn is_hung_up(fd: i32) -> bool {
    let mut look = libc::pollfd {
        fd,
        events: 0,
        revents: 0,
    };
    // A signal ends a mere look, too.
    // SAFETY: `look` is live.
    while unsafe { syscall!(SYS_poll, &raw mut look, 1, 0) } == EINTR {}
    look.revents & libc::POLLHUP != 0
}

/// Takes `O_NONBLOCK` back from a file that nobody else has.
fn make_blocking(fd: i32) {
    // SAFETY: numbers are no memory.
    unsafe {
        let flags = syscall!(SYS_fcntl, fd, libc::F_GETFL) as i32;
        syscall!(SYS_fcntl, fd, libc::F_SETFL, flags & !libc::O_NONBLOCK);
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
