//! What was opened without waiting, which nobody has been given yet.

use core::mem::MaybeUninit;

use crate::ops::EINTR;
use crate::sys::raw::syscall;

/// What was opened without waiting.
pub(super) enum Kind {
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
    /// That of the file behind `fd`, where that is a number.
    pub(super) fn of(fd: i32) -> Self {
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

/// What `poll` says of `fd` beyond what is asked for.
pub(super) fn condition(fd: i32) -> i16 {
    let mut look = libc::pollfd {
        fd,
        events: 0,
        revents: 0,
    };
    // A signal ends a mere look, too.
    // SAFETY: `look` is live.
    while unsafe { syscall!(SYS_poll, &raw mut look, 1, 0) } == EINTR {}
    look.revents
}

/// Takes `O_NONBLOCK` back from a file that nobody else has.
pub(super) fn make_blocking(fd: i32) {
    // SAFETY: numbers are no memory.
    unsafe {
        let flags = syscall!(SYS_fcntl, fd, libc::F_GETFL) as i32;
        syscall!(SYS_fcntl, fd, libc::F_SETFL, flags & !libc::O_NONBLOCK);
    }
}
