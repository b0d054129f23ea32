//! What can be done with a descriptor without blocking, found out once.

use crate::sys::raw::syscall;
use crate::sys::{open_files, socket};

/// How to try an operation without `O_NONBLOCK`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Class {
    /// Not asked yet.
    Unknown = 0,
    /// A TCP socket: `MSG_DONTWAIT`, and a short read means "drained".
    Tcp,
    /// Any other socket: `MSG_DONTWAIT`.
    Socket,
    /// `preadv2(RWF_NOWAIT)` works, or is still to be tried.
    NoWait,
    /// Only a zero-timeout `poll` tells (terminals, inotify, …).
    PollFirst,
    /// The same of a timerfd, on Linux before 6.10.
    Timer,
    /// The same of a signalfd.
    Signals,
    /// Never blocks for long: regular files, directories, block devices, counters of performance.
    Disk,
}

impl Class {
    /// The class of the open descriptor `fd`; [`Class::Disk`] if it is not open,
    /// so that the system call itself reports the error. `can_watch` tells whether epoll
    /// takes it, for what may be always ready (/dev/null, …).
    pub fn of(fd: i32, can_watch: impl FnOnce() -> bool) -> Self {
        const ENOTSOCK: isize = -(libc::ENOTSOCK as isize);
        match socket::int_option(fd, libc::SO_DOMAIN) {
            Ok(domain) => {
                let stream = socket::int_option(fd, libc::SO_TYPE) == Ok(libc::SOCK_STREAM);
                return if stream && matches!(domain, libc::AF_INET | libc::AF_INET6) {
                    Self::Tcp
                } else {
                    Self::Socket
                };
            }
            Err(ENOTSOCK) => {}
            Err(_) => return Self::Disk,
        }
        let mut stat = core::mem::MaybeUninit::<libc::stat>::uninit();
        // SAFETY: `stat` is writable.
        if unsafe { syscall!(SYS_fstat, fd, stat.as_mut_ptr()) } != 0 {
            return Self::Disk;
        }
        // SAFETY: filled by the successful call.
        match unsafe { stat.assume_init() }.st_mode & libc::S_IFMT {
            libc::S_IFREG | libc::S_IFDIR | libc::S_IFBLK => Self::Disk,
            // Not asked: who only ever finds a pipe ready has no use for its events.
            libc::S_IFIFO => Self::NoWait,
            _ if can_watch() => Self::NoWait,
            _ => Self::Disk,
        }
    }

    /// The class of `fd`, of which only a zero-timeout `poll` tells.
    pub(super) fn polled(fd: i32) -> Self {
        match open_files::kind_of_anonymous(fd, &mut [0; 32]) {
            b"[timerfd]" => Self::Timer,
            b"[signalfd]" => Self::Signals,
            // Ready when a sample is in the memory that it shares; a read is of what is counted
            // (perf_event_open(2)).
            b"[perf_event]" => Self::Disk,
            _ => Self::PollFirst,
        }
    }

    /// How many bytes a read must have room for: with less it fails at once
    /// (timerfd_create(2), signalfd(2)).
    pub(super) fn least_room(self) -> usize {
        match self {
            Self::Timer => size_of::<u64>(),
            Self::Signals => size_of::<libc::signalfd_siginfo>(),
            _ => 0,
        }
    }

    /// Back from the byte that the table keeps.
    pub(super) fn from_byte(byte: u8) -> Self {
        match byte {
            1 => Self::Tcp,
            2 => Self::Socket,
            3 => Self::NoWait,
            4 => Self::PollFirst,
            5 => Self::Timer,
            6 => Self::Signals,
            7 => Self::Disk,
            _ => Self::Unknown,
        }
    }
}
