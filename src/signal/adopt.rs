//! What had come before there were green threads.

use super::{send, wait};
use crate::sys::raw::syscall;
use crate::sys::sigmask::bit;
use crate::sys::task_state;
use crate::task::Thread;

/// Moves the signals that wait for the calling kernel thread alone to `me`, which is about
/// to run on others, too.
pub fn pending(me: &Thread) {
    let mut all = 0u64;
    // SAFETY: `all` is writable.
    let id = unsafe {
        syscall!(SYS_rt_sigpending, &raw mut all, 8);
        syscall!(SYS_gettid) as i32
    };
    // Of those the kernel does not say for whom they are, but in /proc it does.
    while all != 0 {
        let own = task_state::signals(id).map_or(0, |signals| signals.pending) & all;
        if own == 0 {
            return;
        }
        let signal = own.trailing_zeros() as i32 + 1;
        match wait::poll(signal) {
            // What is the thread's comes before what is the process's.
            Some(info) => send::add(me, signal, &info),
            None => all &= !bit(signal),
        }
    }
}
