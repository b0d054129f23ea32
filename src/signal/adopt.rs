//! Signals that wait for a kernel thread alone, and are meant for the green thread on it.

use super::{info, send, wait};
use crate::sys::raw::syscall;
use crate::sys::sigmask::bit;
use crate::sys::task_state;
use crate::task::{Critical, Thread, current, pending as sets};

const EPIPE: isize = -(libc::EPIPE as isize);
const EFBIG: isize = -(libc::EFBIG as isize);

/// Moves the signals that had come for the calling kernel thread before there were green threads to
/// `me`, which is about to run on others, too.
pub fn pending(me: &Thread) {
    take_over(me, !0);
}

/// The caller has made a system call that has that `result`. The kernel raises some errors together
/// with a signal for who has made the call (pipe(7), setrlimit(2)). If he blocks that, it is his
/// before he leaves the kernel thread: otherwise whoever runs there next would get it.
#[inline(always)]
pub fn raised(result: isize) -> isize {
    match result {
        EPIPE => raised_with(libc::SIGPIPE),
        EFBIG => raised_with(libc::SIGXFSZ),
        _ => {}
    }
    result
}

#[cold]
fn raised_with(signal: i32) {
    let me = current();
    if me.parks() && me.mask.get() & bit(signal) != 0 {
        let _critical = Critical::enter();
        take_over(me, bit(signal));
    }
}

/// Moves those of `signals` that wait for the calling kernel thread, which blocks them, to `me`.
fn take_over(me: &Thread, signals: u64) {
    let mut waiting = 0u64;
    // SAFETY: `waiting` is writable.
    let id = unsafe {
        syscall!(SYS_rt_sigpending, &raw mut waiting, 8);
        syscall!(SYS_gettid) as i32
    };
    waiting &= signals;
    // Of those the kernel does not say for whom they are, but in /proc it does.
    while waiting != 0 {
        let Some(shown) = task_state::signals(id) else {
            return take_unseen(me, id, waiting);
        };
        let own = shown.pending & waiting;
        if own == 0 {
            return;
        }
        let signal = own.trailing_zeros() as i32 + 1;
        match wait::poll(signal) {
            // What is the thread's comes before what is the process's.
            Some(info) => send::add(me, signal, &info),
            None => waiting &= !bit(signal),
        }
    }
}

/// Moves those of `waiting` that wait for the calling kernel thread `id` to `me`, where no /proc says which
/// they are. The kernel keeps of a standard signal the first one, and the others in order, and gives what is the
/// thread's before what is the process's: so another one is sent, to see whether it comes first.
#[cold]
fn take_unseen(me: &Thread, id: i32, mut waiting: u64) {
    // It acts upon these when they are sent.
    const WITH_EFFECT: u64 =
        bit(libc::SIGCONT) | bit(libc::SIGTSTP) | bit(libc::SIGTTIN) | bit(libc::SIGTTOU);
    waiting &= !WITH_EFFECT;
    while waiting != 0 {
        let signal = waiting.trailing_zeros() as i32 + 1;
        waiting &= waiting - 1;
        if info::nudge(id, signal) != 0 {
            continue;
        }
        while let Some(came_with) = wait::take_one(signal) {
            if info::is_nudge(&came_with) || info::is_unmarked(&came_with) {
                break;
            }
            send::add(me, signal, &came_with);
            if !sets::queues(signal) {
                // Of the two the kernel has kept this one.
                break;
            }
        }
    }
}
