//! Terminals: what a read of one depends on beside what has been typed.

use core::mem::MaybeUninit;

use super::raw::syscall;

/// Whether `fd` is a terminal, or the other side of a pseudoterminal.
pub fn is_one(fd: i32) -> bool {
    let mut settings = MaybeUninit::<libc::termios>::uninit();
    // SAFETY: the place is live, and what the kernel writes has fewer bytes.
    unsafe { syscall!(SYS_ioctl, fd, libc::TCGETS, settings.as_mut_ptr()) == 0 }
}

/// Whether a read of `fd` may end, or has to be refused, although a look finds nothing to be
/// read: of a terminal that is not read by lines, and in settings where one byte is not what is
/// waited for (termios(3), "Canonical and noncanonical mode"), or by a process in the
/// background, which is stopped for it (credentials(7), "Process group ID and session ID").
///
/// The other side of a pseudoterminal has the same settings, and they are not about its reads.
pub fn reads_unasked(fd: i32) -> bool {
    // The kernel's struct is the beginning of libc's (asm-generic/termbits.h).
    let mut settings = MaybeUninit::<libc::termios>::zeroed();
    let mut number = 0;
    // SAFETY: all places are live, and of the types that these requests have (ioctl_tty(2)).
    unsafe {
        if syscall!(SYS_ioctl, fd, libc::TCGETS, settings.as_mut_ptr()) < 0
            || syscall!(SYS_ioctl, fd, libc::TIOCGPTN, &raw mut number) == 0
        {
            return false;
        }
        let settings = settings.assume_init();
        let by_lines = settings.c_lflag & libc::ICANON != 0;
        (!by_lines && settings.c_cc[libc::VMIN] != 1) || is_in_background(fd)
    }
}

/// Whether `fd` is a pseudoterminal whose other side is closed. A read that begins then is at an end of
/// file; one that has waited fails (Linux, n_tty_read and hung_up_tty_read).
pub fn is_hung_up(fd: i32) -> bool {
    const HUNG_UP: isize = -(libc::EIO as isize);
    let mut settings = MaybeUninit::<libc::termios>::zeroed();
    let mut file = MaybeUninit::<libc::stat>::zeroed();
    // SAFETY: both places are live, and what the kernel writes has fewer bytes.
    unsafe {
        syscall!(SYS_ioctl, fd, libc::TCGETS, settings.as_mut_ptr()) == HUNG_UP
            && syscall!(SYS_fstat, fd, file.as_mut_ptr()) == 0
            // Its name goes with the other side.
            && file.assume_init().st_nlink == 0
    }
}

/// Whether `fd` is the terminal of the caller's session, and another process group has it.
fn is_in_background(fd: i32) -> bool {
    let mut foreground = 0;
    // SAFETY: the place is live; the other call has no arguments.
    unsafe {
        syscall!(SYS_ioctl, fd, libc::TIOCGPGRP, &raw mut foreground) == 0
            && syscall!(SYS_getpgid, 0) as i32 != foreground
    }
}
