//! What comes with a signal: the kernel's `siginfo_t`, and libgreen's own marks.
//!
//! The kernel hands on the first 48 bytes as they are. What a process queues itself uses
//! 32 of them (`SI_QUEUE`): the rest is for marks that the program does not see.

use core::mem;
use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering};

use super::actions;
use crate::sys::raw::{is_refused, syscall};
use crate::sys::task_state;
use crate::task::pending;

/// "Look at what is pending for you", and nothing else.
const NUDGE: u64 = 0x6e75_6467_6567_726e;
/// Meant for the kernel thread that it was sent to.
const DIRECTED: u64 = 0x7468_7265_6164_676e;
/// In `si_errno`, above: the rest of it is the true `si_code`, see [`send`].
const DISGUISED: i32 = 0x6e67;

/// The layout of a queued signal's `siginfo_t` (sigaction(2)), and the mark.
#[repr(C)]
struct Queued {
    signo: i32,
    errno: i32,
    code: i32,
    pad: i32,
    pid: i32,
    uid: u32,
    value: usize,
    mark: u64,
    rest: [u64; 11],
}

const _: () = assert!(mem::size_of::<Queued>() == mem::size_of::<libc::siginfo_t>());

fn queued(info: &libc::siginfo_t) -> &Queued {
    // SAFETY: the same size and alignment; every bit pattern is valid.
    unsafe { &*ptr::from_ref(info).cast::<Queued>() }
}

fn queued_mut(info: &mut libc::siginfo_t) -> &mut Queued {
    // SAFETY: as above.
    unsafe { &mut *ptr::from_mut(info).cast::<Queued>() }
}

/// Whether the signal was sent to the process and not to one of its threads.
pub fn is_process_directed(signal: i32, info: &libc::siginfo_t) -> bool {
    match info.si_code {
        libc::SI_TKILL => false,
        libc::SI_QUEUE if queued(info).mark == DIRECTED => false,
        // It carries SI_USER as if the process had sent it, but goes to the thread that has written.
        _ if matches!(signal, libc::SIGPIPE | libc::SIGXFSZ) => is_from_elsewhere(info),
        // A fault says of what kind it is.
        code => !actions::is_synchronous(signal) || code <= 0,
    }
}

/// Whether the kernel tells of a file so (fcntl(2), `F_SETOWN`).
pub fn is_about_file(signal: i32, info: &libc::siginfo_t) -> bool {
    // <bits/siginfo-consts.h>; the libc crate lacks them.
    const POLL_IN: i32 = 1;
    const POLL_HUP: i32 = 6;
    match info.si_code {
        POLL_IN..=POLL_HUP => signal != libc::SIGCHLD,
        libc::SI_KERNEL => matches!(signal, libc::SIGIO | libc::SIGURG),
        _ => false,
    }
}

/// The child whose end, stop or continuation the kernel tells of by `signal`.
pub fn child(signal: i32, info: &libc::siginfo_t) -> Option<i32> {
    let tells = signal == libc::SIGCHLD && info.si_code > 0;
    // SAFETY: the field is there with this signal and code.
    tells.then(|| unsafe { info.si_pid() })
}

/// Whether another process has sent it.
fn is_from_elsewhere(info: &libc::siginfo_t) -> bool {
    // SAFETY: no arguments.
    queued(info).pid as isize != unsafe { syscall!(SYS_getpid) }
}

/// Whether another process has sent it to the main thread, of which the kernel knows the process's
/// first kernel thread: the caller's. (Within the process nobody tells the kernel of threads.)
pub fn is_for_main(info: &libc::siginfo_t) -> bool {
    info.si_code == libc::SI_TKILL
        && is_from_elsewhere(info)
        // SAFETY: no arguments.
        && unsafe { syscall!(SYS_gettid) == syscall!(SYS_getpid) }
}

/// Whether it is a [`nudge`] and nothing else.
pub fn is_nudge(info: &libc::siginfo_t) -> bool {
    matches!(info.si_code, libc::SI_QUEUE | libc::SI_USER) && queued(info).mark == NUDGE
}

/// Whether it may be a nudge that carries no mark.
pub fn is_unmarked(info: &libc::siginfo_t) -> bool {
    info.si_code == libc::SI_TKILL && UNMARKED.load(Ordering::Relaxed)
}

/// Whether nudges carry no mark, since there is no `rt_tgsigqueueinfo(2)`. Nor is there in
/// a forked child.
static UNMARKED: AtomicBool = AtomicBool::new(false);

/// Whether the kernel had no memory for what came with it (setrlimit(2),
/// `RLIMIT_SIGPENDING`): it may be anything, also a nudge.
pub fn is_lost(info: &libc::siginfo_t) -> bool {
    info.si_code == libc::SI_USER && queued(info).pid == 0 && queued(info).uid == 0
}

/// What comes with a signal that this process sends.
pub fn from_here(signal: i32, code: i32, value: usize) -> libc::siginfo_t {
    let mut info = pending::lost(signal);
    let queued = queued_mut(&mut info);
    queued.code = code;
    // SAFETY: no arguments.
    unsafe {
        queued.pid = syscall!(SYS_getpid) as i32;
        queued.uid = syscall!(SYS_getuid) as u32;
    }
    queued.value = value;
    info
}

/// Where a signal goes.
#[derive(Clone, Copy)]
pub enum To {
    /// To this process.
    Process,
    /// To one of its kernel threads.
    KernelThread(i32),
}

/// Sends `signal` with `info`: 0 or `-errno`. What the kernel says of a sender it believes
/// the process's first thread only; from the others it comes in disguise, for
/// [`undisguise`].
pub fn send(to: To, signal: i32, info: &libc::siginfo_t) -> isize {
    let mut info = *info;
    let result = send_as_it_is(to, signal, &info);
    if !is_refused(result) {
        return result;
    }
    let queued = queued_mut(&mut info);
    queued.errno = DISGUISED << 16 | queued.code & 0xffff;
    queued.code = libc::SI_QUEUE;
    let result = send_as_it_is(to, signal, &info);
    if is_refused(result) {
        // Without what came with it.
        return send_bare(to, signal);
    }
    result
}

fn send_bare(to: To, signal: i32) -> isize {
    // SAFETY: plain arguments.
    unsafe {
        let process = syscall!(SYS_getpid);
        match to {
            To::Process => syscall!(SYS_kill, process, signal),
            To::KernelThread(id) => syscall!(SYS_tgkill, process, id, signal),
        }
    }
}

fn send_as_it_is(to: To, signal: i32, info: &libc::siginfo_t) -> isize {
    let info = ptr::from_ref(info);
    // SAFETY: `info` is live. A process may send itself anything.
    unsafe {
        let process = syscall!(SYS_getpid);
        match to {
            To::Process => syscall!(SYS_rt_sigqueueinfo, process, signal, info),
            To::KernelThread(id) => {
                syscall!(SYS_rt_tgsigqueueinfo, process, id, signal, info)
            }
        }
    }
}

/// What [`send`] was given.
pub fn undisguise(info: &mut libc::siginfo_t) {
    let queued = queued_mut(info);
    if queued.code == libc::SI_QUEUE && queued.errno >> 16 == DISGUISED {
        queued.code = i32::from(queued.errno as i16);
        queued.errno = 0;
    }
}

/// Leaves no mark in what a handler is about to see.
pub fn clean(info: &mut libc::siginfo_t) {
    if info.si_code == libc::SI_QUEUE {
        queued_mut(info).mark = 0;
    }
}

/// Sends `signal` to a kernel thread of this process, only to say "look at what is
/// pending for you": 0 or `-errno`. Several may become one on the way, or become one with
/// a signal of the same number that somebody else sends; that is as good.
pub fn nudge(kernel_thread: i32, signal: i32) -> isize {
    let mut info = from_here(signal, libc::SI_QUEUE, 0);
    queued_mut(&mut info).mark = NUDGE;
    let to = To::KernelThread(kernel_thread);
    let result = send_as_it_is(to, signal, &info);
    if is_refused(result) {
        UNMARKED.store(true, Ordering::Relaxed);
        return send_bare(to, signal);
    }
    result
}

/// [`nudge`] for the calling kernel thread, also where the kernel has no memory for what comes
/// with a signal (setrlimit(2), `RLIMIT_SIGPENDING`): of those that queue it only delivers one
/// that says it is by `kill` then, which one can say to oneself only, and it [loses](is_lost) the
/// mark.
pub fn nudge_self(signal: i32) -> isize {
    let mut info = pending::lost(signal);
    queued_mut(&mut info).mark = NUDGE;
    send_as_it_is(To::KernelThread(task_state::own_id()), signal, &info)
}

/// `pthread_sigqueue(3)` to the kernel thread `id` of this process, which must not be taken
/// for `sigqueue(3)`: 0 or `-errno`.
pub fn direct(id: i32, signal: i32, value: usize) -> isize {
    let mut info = from_here(signal, libc::SI_QUEUE, value);
    queued_mut(&mut info).mark = DIRECTED;
    send_as_it_is(To::KernelThread(id), signal, &info)
}
