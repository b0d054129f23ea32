//! Sending signals to processes.

use core::ffi::{c_int, c_uint};

use libc::{pid_t, sigval};

use super::symbol::check;
use super::thread_ids::process_of;
use crate::glibc::real::real;
use crate::signal::{actions, info, mask, send};
use crate::sys::errno;
use crate::sys::raw::syscall;
use crate::sys::sigmask::{HIGHEST, bit};
use crate::task::{current, pending};

/// `kill(2)`, as the kernel returns it: any thread's id stands for its process.
pub(super) fn kill_process(process: pid_t, signal: c_int) -> isize {
    let process = process_of(process);
    if handles_itself(process, signal, || {
        info::from_here(signal, libc::SI_USER, 0)
    }) {
        return 0;
    }
    // SAFETY: plain arguments.
    let kernel = || unsafe { syscall!(SYS_kill, process, signal) };
    // A group, or all that there are.
    if process <= 0 {
        perhaps_to_itself(signal, kernel)
    } else {
        kernel()
    }
}

/// `call` sends a `signal`, perhaps to the caller's own process, too: if that is the main thread and
/// accepts it, it has been handled on return, as with [`handles_itself`].
pub(super) fn perhaps_to_itself<R>(signal: c_int, call: impl FnOnce() -> R) -> R {
    if accepts_as_main(signal) {
        mask::closed_to(current(), bit(signal), call)
    } else {
        call()
    }
}

/// `pidfd_send_signal(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pidfd_send_signal(
    fd: c_int,
    signal: c_int,
    came_with: *mut libc::siginfo_t,
    flags: c_uint,
) -> c_int {
    type Real = unsafe extern "C" fn(c_int, c_int, *mut libc::siginfo_t, c_uint) -> c_int;
    let real = real!(pidfd_send_signal: Real);
    // SAFETY: as the caller promises.
    perhaps_to_itself(signal, || unsafe { real(fd, signal, came_with, flags) })
}

/// Whether the caller is the main thread and has a handler run at `signal`.
fn accepts_as_main(signal: c_int) -> bool {
    let me = current();
    (1..=HIGHEST).contains(&signal)
        && me.is_green()
        && me.is_main()
        && me.mask.get() & bit(signal) == 0
        && actions::get(signal).is_some()
}

/// Has the caller handle a `signal` that it sends to `process` with what `came_with` gives, if that is
/// its own, and it is the main thread and accepts it: then it has been handled on return, as natively
/// (kill(3p) promises that where no other thread accepts it). The kernel would give it to some kernel
/// thread.
///
/// Those that queue go there all the same, behind the others: no base context takes one.
pub(super) fn handles_itself(
    process: pid_t,
    signal: c_int,
    came_with: impl FnOnce() -> libc::siginfo_t,
) -> bool {
    let handles = !pending::queues(signal)
        && accepts_as_main(signal)
        // SAFETY: no arguments.
        && process == unsafe { syscall!(SYS_getpid) } as pid_t;
    if handles {
        let me = current();
        me.pending.add(signal, &came_with(), true);
        send::interrupt(me);
    }
    handles
}

/// `sigqueue(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sigqueue(process: pid_t, signal: c_int, value: sigval) -> c_int {
    let process = process_of(process);
    let came_with = || info::from_here(signal, libc::SI_QUEUE, value.sival_ptr.addr());
    if handles_itself(process, signal, came_with) {
        return 0;
    }
    let real = real!(sigqueue(_, _, _));
    // SAFETY: as the caller promises.
    unsafe { real(process, signal, value) }
}
check!(sigqueue(_, _, _));

/// `kill(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn kill(process: pid_t, signal: c_int) -> c_int {
    errno::to_libc(kill_process(process, signal)) as c_int
}
check!(kill(_, _));

/// `killpg(3)`: libc's calls its own `kill`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn killpg(group: pid_t, signal: c_int) -> c_int {
    let result = if group < 0 {
        -(libc::EINVAL as isize)
    } else {
        kill_process(-group, signal)
    };
    errno::to_libc(result) as c_int
}
check!(killpg(_, _));
