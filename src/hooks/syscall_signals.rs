//! `syscall(2)` with the numbers of calls about signals: what concerns a green thread's
//! own mask, stack and pending signals, and what the program wants done at a signal.

use core::ffi::{c_int, c_long};
use core::mem;
use core::ptr;

use libc::{sigset_t, timespec};

use super::{
    signal_actions, signal_masks, signal_processes, signal_send, signal_stacks, signal_waits, sleep,
};
use crate::signal::{cancel, sigaction};
use crate::sys::action::KernelAction;
use crate::sys::{errno, user};
use crate::task::current;

/// The size of the kernel's signal sets, which calls have to name.
const SET_SIZE: usize = 8;

const EFAULT: Option<isize> = Some(-(libc::EFAULT as isize));
const EINVAL: Option<isize> = Some(-(libc::EINVAL as isize));

/// A libc function's result as the kernel's.
fn raw(result: c_int) -> Option<isize> {
    Some(if result == -1 {
        -(errno::get() as isize)
    } else {
        result as isize
    })
}

/// The kernel's result, or `None` if it is the kernel's affair.
///
/// # Safety
/// As for the system call.
pub unsafe fn run(number: c_long, [a, b, c, d, ..]: [usize; 6]) -> Option<isize> {
    // Which call it is comes first: most are none of these.
    let size = match number {
        libc::SYS_rt_sigprocmask | libc::SYS_rt_sigaction | libc::SYS_rt_sigtimedwait => d,
        libc::SYS_rt_sigpending | libc::SYS_rt_sigsuspend => b,
        libc::SYS_sigaltstack
        | libc::SYS_kill
        | libc::SYS_tgkill
        | libc::SYS_tkill
        | libc::SYS_rt_tgsigqueueinfo
        | libc::SYS_pause => SET_SIZE,
        _ => return None,
    };
    if number == libc::SYS_rt_sigaction {
        // SAFETY: as the caller promises.
        return unsafe { action(a as c_int, b as *const _, c as *mut _, size) };
    }
    let me = current();
    if !me.is_green() {
        return None;
    }
    if size != SET_SIZE {
        return EINVAL;
    }
    // SAFETY: as the caller promises, here and below.
    unsafe {
        match number {
            libc::SYS_rt_sigprocmask => mask(a as c_int, b as *const u64, c as *mut u64),
            libc::SYS_rt_sigpending if !user::is_writable(a as *mut u64) => EFAULT,
            libc::SYS_rt_sigpending => raw(signal_masks::sigpending(a as *mut sigset_t)),
            libc::SYS_rt_sigsuspend if !user::is_readable(a as *const u64) => EFAULT,
            libc::SYS_rt_sigsuspend => {
                cancel::without_points(me, || raw(signal_masks::sigsuspend(a as *const sigset_t)))
            }
            libc::SYS_rt_sigtimedwait if !user::is_readable(a as *const u64) => EFAULT,
            libc::SYS_rt_sigtimedwait => cancel::without_points(me, || {
                raw(signal_waits::sigtimedwait(
                    a as *const sigset_t,
                    b as *mut libc::siginfo_t,
                    c as *const timespec,
                ))
            }),
            libc::SYS_sigaltstack => raw(signal_stacks::sigaltstack(a as *const _, b as *mut _)),
            libc::SYS_kill => Some(signal_processes::kill_process(a as i32, b as c_int)),
            libc::SYS_tgkill => raw(signal_send::tgkill(a as i32, b as i32, c as c_int)),
            libc::SYS_tkill => signal_send::kill_by_id(a as i32, b as c_int),
            libc::SYS_rt_tgsigqueueinfo => {
                signal_send::queue_by_id(a as i32, b as i32, c as c_int, d as *const _)
            }
            _ => cancel::without_points(me, || raw(sleep::pause())),
        }
    }
}

/// `rt_sigprocmask`: the kernel's sets are 8 bytes, of which libc's are the beginning.
///
/// # Safety
/// Either pointer is null, leads nowhere, or may be read or written.
unsafe fn mask(how: c_int, new: *const u64, old: *mut u64) -> Option<isize> {
    if !new.is_null() && !user::is_readable(new) {
        return EFAULT;
    }
    let mut before = 0u64;
    // SAFETY: a hook for libc's sets, of which it touches the first 8 bytes.
    let result = raw(unsafe {
        signal_masks::sigprocmask(how, new.cast::<sigset_t>(), (&raw mut before).cast())
    });
    if result == Some(0) && !old.is_null() {
        if !user::is_writable(old) {
            return EFAULT;
        }
        // SAFETY: just seen.
        unsafe { old.write_unaligned(before) };
    }
    result
}

/// `rt_sigaction`, once handlers stand behind the trampoline.
///
/// # Safety
/// As for [`mask`].
unsafe fn action(
    signal: c_int,
    new: *const KernelAction,
    old: *mut KernelAction,
    size: usize,
) -> Option<isize> {
    if !sigaction::are_ours(signal) {
        return None;
    }
    if size != SET_SIZE {
        return EINVAL;
    }
    // SAFETY: all zeros is valid.
    let (mut wanted, mut before) = unsafe { mem::zeroed::<(libc::sigaction, libc::sigaction)>() };
    if !new.is_null() {
        if !user::is_readable(new) {
            return EFAULT;
        }
        // SAFETY: just seen.
        wanted = unsafe { new.read_unaligned() }.to_libc();
    }
    let new = if new.is_null() {
        ptr::null()
    } else {
        &raw const wanted
    };
    // SAFETY: live places, and an action that the program vouches for.
    let result = raw(unsafe { signal_actions::sigaction(signal, new, &mut before) });
    if result == Some(0) && !old.is_null() {
        if !user::is_writable(old) {
            return EFAULT;
        }
        // SAFETY: just seen.
        unsafe { old.write_unaligned(KernelAction::from_libc(&before)) };
    }
    result
}
