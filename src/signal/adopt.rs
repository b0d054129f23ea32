//! What had come before there were green threads.

use super::{send, wait};
use crate::sys::raw::syscall;
use crate::sys::sigmask::bit;
use crate::task::Thread;

/// Moves the signals that wait for the calling kernel thread alone to `me`, which is about
/// to run on others, too.
pub fn pending(me: &Thread) {
    let mut all = 0u64;
    // SAFETY: `all` is writable.
    unsafe { syscall!(SYS_rt_sigpending, &raw mut all, 8) };
    // Of those the kernel does not say for whom they are, but in /proc it does.
    while all != 0 {
        let own = of_kernel_thread().unwrap_or(0) & all;
        if own == 0 {
            return;
        }
        let signal = own.trailing_zeros() as i32 + 1;
        match wait::poll(signal) {
            // What is the thread's comes before what is the process's.
            Some(info) => send::add(me, signal, &info, false),
            None => all &= !bit(signal),
        }
    }
}

/// Signals that wait for the calling kernel thread (proc(5), `SigPnd`).
fn of_kernel_thread() -> Option<u64> {
    const KEY: &[u8] = b"\nSigPnd:\t";
    let mut text = [0u8; 4096];
    // SAFETY: a C string, a live buffer, a descriptor of our own.
    let length = unsafe {
        let fd = syscall!(
            SYS_open,
            c"/proc/thread-self/status".as_ptr(),
            libc::O_RDONLY | libc::O_CLOEXEC
        );
        if fd < 0 {
            return None;
        }
        let length = syscall!(SYS_read, fd, text.as_mut_ptr(), text.len());
        syscall!(SYS_close, fd);
        usize::try_from(length).ok()?
    };
    let text = &text[..length];
    let at = text.windows(KEY.len()).position(|window| window == KEY)? + KEY.len();
    let digits = core::str::from_utf8(text.get(at..at + 16)?).ok()?;
    u64::from_str_radix(digits, 16).ok()
}
