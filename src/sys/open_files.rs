//! Which descriptors are open.

use std::io::Write;

use super::raw::syscall;

/// Whether `fd` is open.
pub fn is_open(fd: i32) -> bool {
    // SAFETY: only asks.
    unsafe { syscall!(SYS_fcntl, fd, libc::F_GETFD) >= 0 }
}

/// Gives the calling kernel thread a table of descriptors of its own, with nothing in it; false if the kernel
/// refuses (close_range(2), `CLOSE_RANGE_UNSHARE`: since Linux 5.9).
///
/// # Safety
/// It uses none of those that it shares so far.
pub unsafe fn leave_all() -> bool {
    /// <linux/close_range.h>.
    const UNSHARE: u32 = 1 << 1;
    // SAFETY: as the caller promises.
    unsafe { syscall!(SYS_close_range, 0, u32::MAX, UNSHARE) == 0 }
}

/// Which of the kernel's files without a name `fd` is, as /proc shows it (proc(5)): `[timerfd]` and
/// the like, written to `place`; nothing if it is none of them, or its name is longer.
pub fn kind_of_anonymous(fd: i32, place: &mut [u8; 32]) -> &[u8] {
    // Longer than what is written to it.
    let mut path = [0u8; 40];
    let _ = write!(&mut path[..], "/proc/thread-self/fd/{fd}");
    // SAFETY: both are live.
    let length = unsafe { syscall!(SYS_readlink, path.as_ptr(), place.as_mut_ptr(), place.len()) };
    let target = &place[..length.max(0) as usize];
    target.strip_prefix(b"anon_inode:").unwrap_or_default()
}

/// Calls `act` with each open descriptor of the calling thread, in ascending order,
/// as /proc shows them (proc(5)). `act` may close what it is given. `-errno` where
/// there is no looking.
pub fn each(mut act: impl FnMut(i32)) -> Result<(), isize> {
    let mut buffer = [0u8; 4096];
    // SAFETY: our own descriptor and buffer.
    unsafe {
        let directory = syscall!(
            SYS_open,
            c"/proc/self/fd".as_ptr(),
            libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC
        );
        if directory < 0 {
            return Err(directory);
        }
        let last = loop {
            let length = syscall!(SYS_getdents64, directory, buffer.as_mut_ptr(), buffer.len());
            if length <= 0 {
                break length;
            }
            numbers(&buffer[..length as usize])
                .filter(|fd| *fd != directory as i32)
                .for_each(&mut act);
        };
        syscall!(SYS_close, directory);
        if last < 0 { Err(last) } else { Ok(()) }
    }
}

/// The names that are numbers in `struct linux_dirent64`s (getdents(2)): length at 16,
/// name at 19.
fn numbers(mut entries: &[u8]) -> impl Iterator<Item = i32> {
    core::iter::from_fn(move || {
        if entries.len() <= 19 {
            return None;
        }
        let length = usize::from(u16::from_ne_bytes([entries[16], entries[17]]));
        let (entry, rest) = entries.split_at(length);
        entries = rest;
        Some(entry[19..].split(|byte| *byte == 0).next())
    })
    .filter_map(|name| core::str::from_utf8(name?).ok()?.parse().ok())
}
