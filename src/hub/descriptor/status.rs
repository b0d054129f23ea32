//! Status flags and time-outs of a file, asked for once where nobody else can
//! change them.

use core::sync::atomic::Ordering;

use super::{Descriptor, Direction, NONBLOCK};
use crate::hub::class::Class;
use crate::sys::clock::{Instant, NEVER};
use crate::sys::raw::syscall;
use crate::sys::socket;

impl Descriptor {
    /// Runs `act`, which looks at the file's status flags or changes them, or sets
    /// `O_NONBLOCK` for one system call that nobody is to see: one thread at a time, and no
    /// handler of the program meanwhile.
    pub fn with_status<R>(&self, act: impl FnOnce() -> R) -> R {
        self.turn.during(act)
    }

    /// Reads the status flags and time-outs unless what was read before holds.
    fn refresh(&self, fd: i32) {
        if self.is_private() && self.status_known.load(Ordering::Relaxed) == 1 {
            return;
        }
        let is_socket = matches!(self.class(fd), Class::Tcp | Class::Socket);
        // Whoever has looked at what was before also notes it before.
        self.with_status(|| self.read(fd, is_socket));
    }

    fn read(&self, fd: i32, is_socket: bool) {
        // Before the look: a change meanwhile is not missed.
        self.status_known.store(1, Ordering::SeqCst);
        // SAFETY: only reads flags.
        let flags = unsafe { syscall!(SYS_fcntl, fd, libc::F_GETFL) };
        if flags >= 0 && flags as i32 & libc::O_NONBLOCK != 0 {
            self.flags.fetch_or(NONBLOCK, Ordering::Relaxed);
        } else {
            self.flags.fetch_and(!NONBLOCK, Ordering::Relaxed);
        }
        for (option, cached) in [
            (libc::SO_RCVTIMEO, &self.receive_timeout),
            (libc::SO_SNDTIMEO, &self.send_timeout),
        ] {
            let timeout = if is_socket {
                socket::timeout(fd, option)
            } else {
                0
            };
            cached.store(timeout, Ordering::Relaxed);
        }
    }

    /// The program has changed a status flag or a time-out.
    pub(super) fn status_changed(&self) {
        self.status_known.store(0, Ordering::SeqCst);
    }

    /// Whether the program has set `O_NONBLOCK`.
    pub fn is_nonblocking(&self, fd: i32) -> bool {
        self.refresh(fd);
        self.flags.load(Ordering::Relaxed) & NONBLOCK != 0
    }

    /// When an operation that begins now gives up: `SO_RCVTIMEO`, `SO_SNDTIMEO`, as
    /// they were at the last look for `O_NONBLOCK`.
    pub fn deadline(&self, direction: Direction) -> Instant {
        let cached = match direction {
            Direction::Read => &self.receive_timeout,
            Direction::Write => &self.send_timeout,
        };
        match cached.load(Ordering::Relaxed) {
            0 => NEVER,
            timeout => crate::sys::clock::after(timeout),
        }
    }
}
