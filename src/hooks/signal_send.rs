//! Sending signals to threads.

use core::ffi::c_int;

use libc::{pid_t, pthread_t, sigval};

use super::symbol::{alias, check};
use crate::glibc::real::real;
use crate::glibc::signals::{SIGCANCEL, SIGSETXID};
use crate::glibc::tcb;
use crate::sched::lend;
use crate::signal::{actions, info, send};
use crate::sys::errno;
use crate::sys::raw::syscall;
use crate::sys::sigmask::{self, HIGHEST, bit};
use crate::sys::user;
use crate::task::{Kind, Thread, current, green_by_id, green_or_wired, of_pthread, pending};

/// A `siginfo_t` as of `tgkill`.
fn sent_to_thread(signal: c_int) -> libc::siginfo_t {
    info::from_here(signal, libc::SI_TKILL, 0)
}

/// Sends `signal`, which nobody handles, to the kernel thread that the caller is on: it stops
/// or ends the process before this returns, as when a thread signals itself. Sent to the
/// process another kernel thread could take it, while the caller goes on.
fn to_own_kernel_thread(signal: c_int) -> isize {
    // SAFETY: plain arguments.
    unsafe {
        syscall!(
            SYS_tgkill,
            syscall!(SYS_getpid),
            syscall!(SYS_gettid),
            signal
        )
    }
}

/// `pthread_kill(3)` to a green thread, or `pthread_sigqueue(3)` with what `came_with`
/// gives: 0 or an error number.
fn send_to(
    thread: &'static Thread,
    signal: c_int,
    came_with: impl FnOnce() -> libc::siginfo_t,
) -> c_int {
    if !(0..=HIGHEST).contains(&signal) || matches!(signal, SIGCANCEL | SIGSETXID) {
        return libc::EINVAL;
    }
    if signal == 0 {
        return 0;
    }
    let blocked = thread.mask.get() & bit(signal) != 0;
    if actions::get(signal).is_none() && !blocked {
        if !actions::is_ignored(signal) {
            // The default action is the whole process's affair.
            if thread.is(current()) {
                to_own_kernel_thread(signal);
            } else {
                // SAFETY: plain arguments.
                unsafe { syscall!(SYS_kill, syscall!(SYS_getpid), signal) };
            }
        }
        return 0;
    }
    // What cannot be queued is refused (the kernel's __send_signal_locked).
    if pending::queues(signal) && pending::is_at_limit() {
        return libc::EAGAIN;
    }
    send::send(thread, signal, &came_with());
    0
}

/// `tgkill(2)` to a thread that the kernel does not know, or knows by another id:
/// the call's result, or `None` if it is not for a green thread of this process.
pub(super) fn kill_by_id(id: pid_t, signal: c_int) -> Option<isize> {
    let thread = green_by_id(id)?;
    Some(-(send_to(thread, signal, || sent_to_thread(signal)) as isize))
}

/// `rt_tgsigqueueinfo(2)`, as [`kill_by_id`].
///
/// # Safety
/// `came_with` is for a `siginfo_t`, if it is anywhere.
pub(super) unsafe fn queue_by_id(
    process: pid_t,
    id: pid_t,
    signal: c_int,
    came_with: *const libc::siginfo_t,
) -> Option<isize> {
    // SAFETY: no arguments.
    if process != unsafe { syscall!(SYS_getpid) } as pid_t {
        return None;
    }
    let thread = green_by_id(id)?;
    if !user::is_readable(came_with) {
        return Some(-(libc::EFAULT as isize));
    }
    // SAFETY: just seen.
    let mut came_with = unsafe { came_with.read_unaligned() };
    came_with.si_signo = signal;
    Some(-(send_to(thread, signal, || came_with) as isize))
}

/// `tgkill(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn tgkill(process: pid_t, id: pid_t, signal: c_int) -> c_int {
    // SAFETY: plain arguments.
    let native = || unsafe { syscall!(SYS_tgkill, process, id, signal) };
    // SAFETY: no arguments.
    let own = process == unsafe { syscall!(SYS_getpid) } as pid_t;
    let result = if own { kill_by_id(id, signal) } else { None };
    errno::to_libc(result.unwrap_or_else(native)) as c_int
}
check!(tgkill(_, _, _));

/// `pthread_kill(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_kill(id: pthread_t, signal: c_int) -> c_int {
    // SAFETY: as the caller promises: a thread that may still be joined.
    let thread = unsafe { of_pthread(id) };
    if thread.kind() == Kind::Green && !lend::is_borrowed(current()) {
        if signal == libc::SIGABRT && thread.is(current()) && sigmask::get() & bit(signal) == 0 {
            // libc's `abort` comes here, and has unblocked the signal behind our back.
            return -to_own_kernel_thread(signal) as c_int;
        }
        if thread.life.is_over() {
            // As glibc, which reads no more of a number that goes nowhere.
            return match signal {
                SIGCANCEL | SIGSETXID => libc::EINVAL,
                _ => 0,
            };
        }
        return send_to(thread, signal, || sent_to_thread(signal));
    }
    // Of a child that borrows the thread glibc asks the kernel for its id.
    let real = real!(pthread_kill(_, _));
    // SAFETY: as the caller promises.
    unsafe { real(id, signal) }
}
check!(pthread_kill(_, _));

/// `pthread_sigqueue(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_sigqueue(
    id: pthread_t,
    signal: c_int,
    value: sigval,
) -> c_int {
    // SAFETY: as the caller promises: a thread that may still be joined.
    let thread = unsafe { of_pthread(id) };
    if thread.kind() == Kind::Green {
        if thread.life.is_over() {
            return libc::ESRCH;
        }
        let value = value.sival_ptr.addr();
        return send_to(thread, signal, || {
            info::from_here(signal, libc::SI_QUEUE, value)
        });
    }
    if !(0..=HIGHEST).contains(&signal) || matches!(signal, SIGCANCEL | SIGSETXID) {
        return libc::EINVAL;
    }
    // SAFETY: as the caller promises.
    match unsafe { tcb::kernel_id(id) } {
        0 => libc::ESRCH,
        id => -info::direct(id, signal, value.sival_ptr.addr()) as c_int,
    }
}
check!(pthread_sigqueue(_, _, _));

/// `raise(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn raise(signal: c_int) -> c_int {
    let Some(me) = green_or_wired() else {
        let real = real!(raise(_));
        // SAFETY: no preconditions.
        return unsafe { real(signal) };
    };
    errno::to_libc(-(send_to(me, signal, || sent_to_thread(signal)) as isize)) as c_int
}
check!(raise(_));

alias!(gsignal = raise);
