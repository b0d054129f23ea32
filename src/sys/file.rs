//! What the kernel knows of an open file: its kind, how it was opened.

use core::mem::MaybeUninit;

use super::raw::syscall;

/// An open file, as it was a moment ago.
pub struct File {
    stat: libc::stat,
    /// Status flags, with the access mode (fcntl(2), `F_GETFL`).
    flags: i32,
    fd: i32,
}

impl File {
    /// That of the number `fd`; `None` if it is none.
    pub fn of(fd: i32) -> Option<Self> {
        let mut stat = MaybeUninit::<libc::stat>::uninit();
        // SAFETY: `stat` is writable; only asks.
        let (result, flags) = unsafe {
            (
                syscall!(SYS_fstat, fd, stat.as_mut_ptr()),
                syscall!(SYS_fcntl, fd, libc::F_GETFL),
            )
        };
        if result < 0 || flags < 0 {
            return None;
        }
        // SAFETY: filled by the successful call.
        let stat = unsafe { stat.assume_init() };
        let flags = flags as i32;
        Some(Self { stat, flags, fd })
    }

    fn mode(&self) -> i32 {
        self.flags & libc::O_ACCMODE
    }

    /// Whether it was opened to be read.
    pub fn can_read(&self) -> bool {
        matches!(self.mode(), libc::O_RDONLY | libc::O_RDWR)
    }

    /// Whether it was opened to be written.
    pub fn can_write(&self) -> bool {
        matches!(self.mode(), libc::O_WRONLY | libc::O_RDWR)
    }

    /// Whether all writes go to its end.
    pub fn appends(&self) -> bool {
        self.flags & libc::O_APPEND != 0
    }

    /// Whether it is a pipe, with a name or without.
    pub fn is_pipe(&self) -> bool {
        self.stat.st_mode & libc::S_IFMT == libc::S_IFIFO
    }

    /// Whether it is none of those that data go from or to inside the kernel, but an eventfd or
    /// one of its kin, which have no kind.
    pub fn is_no_data(&self) -> bool {
        self.stat.st_mode & libc::S_IFMT == 0
    }

    /// Its number in its file system.
    pub fn inode(&self) -> u64 {
        self.stat.st_ino
    }

    /// Whether it is the same file as `other`.
    pub fn is_same(&self, other: &Self) -> bool {
        (self.stat.st_dev, self.stat.st_ino) == (other.stat.st_dev, other.stat.st_ino)
    }

    /// Whether it has positions (lseek(2)).
    pub fn has_positions(&self) -> bool {
        // SAFETY: only asks.
        unsafe { syscall!(SYS_lseek, self.fd, 0, libc::SEEK_CUR) >= 0 }
    }
}
