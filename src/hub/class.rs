//! What can be done with a descriptor without blocking, found out once.

use crate::sys::raw::syscall;

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
    /// Never blocks for long: regular files, directories, block devices.
    Disk,
}

impl Class {
    /// The class of the open descriptor `fd`; [`Class::Disk`] if it is not open,
    /// so that the system call itself reports the error.
    pub fn of(fd: i32) -> Self {
        let mut domain = 0i32;
        let mut length = size_of::<i32>() as libc::socklen_t;
        // SAFETY: `domain` and `length` are live.
        let result = unsafe {
            syscall!(
                SYS_getsockopt,
                fd,
                libc::SOL_SOCKET,
                libc::SO_DOMAIN,
                &raw mut domain,
                &raw mut length
            )
        };
        if result == 0 {
            let mut kind = 0i32;
            length = size_of::<i32>() as libc::socklen_t;
            // SAFETY: as above.
            unsafe {
                syscall!(
                    SYS_getsockopt,
                    fd,
                    libc::SOL_SOCKET,
                    libc::SO_TYPE,
                    &raw mut kind,
                    &raw mut length
                )
            };
            let stream = kind == libc::SOCK_STREAM;
            return if stream && matches!(domain, libc::AF_INET | libc::AF_INET6) {
                Self::Tcp
            } else {
                Self::Socket
            };
        }
        if result != -(libc::ENOTSOCK as isize) {
            return Self::Disk;
        }
        let mut stat = core::mem::MaybeUninit::<libc::stat>::uninit();
        // SAFETY: `stat` is writable.
        if unsafe { syscall!(SYS_fstat, fd, stat.as_mut_ptr()) } != 0 {
            return Self::Disk;
        }
        // SAFETY: filled by the successful call.
        match unsafe { stat.assume_init() }.st_mode & libc::S_IFMT {
            libc::S_IFREG | libc::S_IFDIR | libc::S_IFBLK => Self::Disk,
            _ => Self::NoWait,
        }
    }

    /// Back from the byte that the table keeps.
    pub(super) fn from_byte(byte: u8) -> Self {
        match byte {
            1 => Self::Tcp,
            2 => Self::Socket,
            3 => Self::NoWait,
            4 => Self::PollFirst,
            5 => Self::Disk,
            _ => Self::Unknown,
        }
    }
}
