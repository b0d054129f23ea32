//! Signals that tell of processor time: of the process's timers (setitimer(2)), its limit (`RLIMIT_CPU`), and timers
//! of a processor clock (timer_create(2)). They are for whoever uses that time.

use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicU64, Ordering};

use libc::{clockid_t, siginfo_t};

use crate::sched::kernel_thread;
use crate::sched::mask::note_handled;
use crate::sys::raw::syscall;
use crate::sys::sigmask::{HIGHEST, bit};
use crate::sys::version;

/// The signals of such timers, as far as the kernel prefers the thread that it interrupts for them. What else they
/// tell of is for that one just as well. A forked child keeps it, though not the timers.
static OF_TIMERS: AtomicU64 = AtomicU64::new(0);

/// Of the process's timers and its limit.
const OF_PROCESS: u64 = bit(libc::SIGPROF) | bit(libc::SIGVTALRM) | bit(libc::SIGXCPU);

/// Signals that may tell of it.
pub fn signals() -> u64 {
    OF_PROCESS | OF_TIMERS.load(Ordering::Relaxed)
}

/// Whether the kernel tells of processor time so.
pub fn is_told(signal: i32, info: &siginfo_t) -> bool {
    match info.si_code {
        libc::SI_KERNEL => OF_PROCESS & bit(signal) != 0,
        libc::SI_TIMER => OF_TIMERS.load(Ordering::Relaxed) & bit(signal) != 0,
        _ => false,
    }
}

/// A timer of `clock` is going to send `signal` to the process.
pub fn note_timer(clock: clockid_t, signal: i32) {
    if is_of_process(clock) && (1..=HIGHEST).contains(&signal) && prefers_interrupted() {
        OF_TIMERS.fetch_or(bit(signal), Ordering::Relaxed);
        note_handled(bit(signal), false);
    }
}

/// Whether `clock` is of the processor time of this process or one of its threads (posix-timers.h).
fn is_of_process(clock: clockid_t) -> bool {
    const PER_THREAD: clockid_t = 4;
    const KIND: clockid_t = 3;
    const OF_DESCRIPTOR: clockid_t = 3;
    match clock {
        libc::CLOCK_PROCESS_CPUTIME_ID | libc::CLOCK_THREAD_CPUTIME_ID => true,
        0.. => false,
        _ if clock & KIND == OF_DESCRIPTOR => false,
        _ => {
            let process = !(clock >> 3);
            clock & PER_THREAD != 0 || process == 0 || process == kernel_thread::process()
        }
    }
}

/// Whether the kernel gives what a timer sends to the process to the thread that it interrupts, if that is of the
/// process: since Linux 6.4; before it was the first one.
fn prefers_interrupted() -> bool {
    let mut names = MaybeUninit::<libc::utsname>::zeroed();
    // SAFETY: the kernel writes strings there.
    let release = unsafe {
        syscall!(SYS_uname, names.as_mut_ptr());
        names.assume_init().release
    };
    version::of(&release.map(|byte| byte as u8)) >= (6, 4)
}
