//! What comes with a signal: the kernel's `siginfo_t`, and libgreen's own mark.

use core::cell::UnsafeCell;
use core::mem::{self, MaybeUninit};
use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering};

use super::{HIGHEST, actions};
use crate::sys::raw::syscall;

/// What came with the signals that are pending for some thread: the latest of
/// each. (The kernel keeps one of each standard signal, too, the first.)
struct Info {
    busy: AtomicBool,
    info: UnsafeCell<MaybeUninit<libc::siginfo_t>>,
}

// SAFETY: `info` is only touched by who has set `busy`.
unsafe impl Sync for Info {}

static INFOS: [Info; HIGHEST as usize + 1] = [const {
    Info {
        busy: AtomicBool::new(false),
        info: UnsafeCell::new(MaybeUninit::zeroed()),
    }
}; HIGHEST as usize + 1];

/// Marks a signal that only says "look at what is pending for you", in
/// `si_value`.
const NUDGE: usize = 0x6e75_6467_6567_726e;

/// The layout of a queued signal's `siginfo_t` (sigaction(2)).
#[repr(C)]
struct Queued {
    signo: i32,
    errno: i32,
    code: i32,
    pad: i32,
    pid: i32,
    uid: u32,
    value: usize,
    rest: [u64; 12],
}

/// Keeps what came with `signal` until somebody handles it.
pub fn keep(signal: i32, info: &libc::siginfo_t) {
    let slot = &INFOS[signal as usize];
    // Somebody else at it, maybe below us on this very stack: his will do.
    if !slot.busy.swap(true, Ordering::Acquire) {
        // SAFETY: `busy` is ours.
        unsafe { (*slot.info.get()).write(*info) };
        slot.busy.store(false, Ordering::Release);
    }
}

/// What was kept for `signal`.
pub fn kept(signal: i32) -> libc::siginfo_t {
    let slot = &INFOS[signal as usize];
    // SAFETY: all zeros is a valid siginfo_t (SI_USER).
    let mut info: libc::siginfo_t = unsafe { mem::zeroed() };
    if !slot.busy.swap(true, Ordering::Acquire) {
        // SAFETY: `busy` is ours; never uninitialised, at worst zeros.
        info = unsafe { (*slot.info.get()).assume_init() };
        slot.busy.store(false, Ordering::Release);
    }
    info.si_signo = signal;
    info
}

/// Whether the signal was sent to the process and not to one of its threads.
pub fn is_process_directed(signal: i32, info: &libc::siginfo_t) -> bool {
    // SIGPIPE carries SI_USER, but goes to the thread that has written.
    info.si_code != libc::SI_TKILL
        && !actions::is_synchronous(signal)
        && !matches!(signal, libc::SIGPIPE | libc::SIGXFSZ)
}

/// Whether it is a [`nudge`] and nothing else.
pub fn is_nudge(info: &libc::siginfo_t) -> bool {
    // SAFETY: the same size and alignment; every bit pattern is valid.
    let queued = unsafe { &*ptr::from_ref(info).cast::<Queued>() };
    queued.code == libc::SI_QUEUE && queued.value == NUDGE
}

/// What comes with a signal that this process sends.
pub fn from_here(signal: i32, code: i32, value: usize) -> libc::siginfo_t {
    // SAFETY: all zeros is valid; the two types are of one size, and any bytes are a
    // valid siginfo_t.
    unsafe {
        let mut info: Queued = mem::zeroed();
        info.signo = signal;
        info.code = code;
        info.pid = syscall!(SYS_getpid) as i32;
        info.uid = syscall!(SYS_getuid) as u32;
        info.value = value;
        mem::transmute(info)
    }
}

/// Sends `signal` to a kernel thread of this process, only to say "look at what is
/// pending for you". Several may become one on the way, or become one with a
/// signal of the same number that somebody else sends; that is as good.
pub fn nudge(kernel_thread: i32, signal: i32) {
    let info = from_here(signal, libc::SI_QUEUE, NUDGE);
    // SAFETY: `info` is live. A process may send its own threads anything.
    unsafe {
        syscall!(
            SYS_rt_tgsigqueueinfo,
            syscall!(SYS_getpid),
            kernel_thread,
            signal,
            &raw const info
        );
    }
}

/// Forgets who was at it: in a forked child nobody is.
pub fn reset() {
    for info in &INFOS {
        info.busy.store(false, Ordering::Relaxed);
    }
}
