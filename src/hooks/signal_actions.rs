//! What is to happen at a signal.

use core::ffi::c_int;
use core::mem::{self, MaybeUninit};
use core::ptr;

use libc::sighandler_t;

use super::signal_masks;
use super::symbol::{alias, check};
use crate::signal::sigaction;
use crate::sys::errno;

/// `SIG_HOLD` of <signal.h>.
const SIG_HOLD: sighandler_t = 2;

/// `signal(2)` with the given flags.
///
/// # Safety
/// `handler` is a handler, `SIG_DFL` or `SIG_IGN`.
unsafe fn install(
    signal: c_int,
    handler: sighandler_t,
    flags: c_int,
    itself: bool,
) -> sighandler_t {
    if handler == libc::SIG_ERR {
        errno::set(libc::EINVAL);
        return libc::SIG_ERR;
    }
    // SAFETY: all zeros is valid; sigaddset refuses what is not a signal.
    unsafe {
        let mut new: libc::sigaction = mem::zeroed();
        let mut old: libc::sigaction = mem::zeroed();
        new.sa_sigaction = handler;
        new.sa_flags = flags;
        if itself && libc::sigaddset(&mut new.sa_mask, signal) != 0 {
            return libc::SIG_ERR;
        }
        if sigaction::set(signal, &new, &mut old) == 0 {
            old.sa_sigaction
        } else {
            libc::SIG_ERR
        }
    }
}

/// `sigaction(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sigaction(
    signal: c_int,
    new: *const libc::sigaction,
    old: *mut libc::sigaction,
) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { sigaction::set(signal, new, old) }
}
check!(sigaction(_, _, _));

alias!(__sigaction = sigaction);

/// `signal(2)`, with BSD's semantics as glibc's.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn signal(signal: c_int, handler: sighandler_t) -> sighandler_t {
    // SAFETY: as the caller promises.
    unsafe { install(signal, handler, libc::SA_RESTART, true) }
}
check!(signal(_, _));

alias!(bsd_signal = signal);

alias!(ssignal = signal);

/// System V's `signal`: one shot, not deferred, not restarting.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sysv_signal(signal: c_int, handler: sighandler_t) -> sighandler_t {
    // SAFETY: as the caller promises.
    unsafe {
        install(
            signal,
            handler,
            libc::SA_RESETHAND | libc::SA_NODEFER,
            false,
        )
    }
}

// What `signal` is with `_XOPEN_SOURCE` alone.
alias!(__sysv_signal = sysv_signal);

/// `siginterrupt(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn siginterrupt(signal: c_int, interrupt: c_int) -> c_int {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: initialised by the first call, on success.
    unsafe {
        if sigaction::set(signal, ptr::null(), action.as_mut_ptr()) != 0 {
            return -1;
        }
        let mut action = action.assume_init();
        if interrupt != 0 {
            action.sa_flags &= !libc::SA_RESTART;
        } else {
            action.sa_flags |= libc::SA_RESTART;
        }
        sigaction::set(signal, &action, ptr::null_mut())
    }
}

/// System V's `sigset`: a handler, or `SIG_HOLD` to block the signal.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sigset(signal: c_int, handler: sighandler_t) -> sighandler_t {
    let Some(one) = signal_masks::set_of(signal) else {
        return libc::SIG_ERR;
    };
    let mut before = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: all zeros is valid; initialised places.
    unsafe {
        let mut new: libc::sigaction = mem::zeroed();
        let mut old: libc::sigaction = mem::zeroed();
        new.sa_sigaction = handler;
        let (wanted, how) = if handler == SIG_HOLD {
            (ptr::null(), libc::SIG_BLOCK)
        } else {
            (&raw const new, libc::SIG_UNBLOCK)
        };
        if sigaction::set(signal, wanted, &mut old) != 0
            || signal_masks::sigprocmask(how, &one, before.as_mut_ptr()) != 0
        {
            return libc::SIG_ERR;
        }
        if libc::sigismember(before.as_ptr(), signal) == 1 {
            SIG_HOLD
        } else {
            old.sa_sigaction
        }
    }
}

/// System V's `sigignore`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sigignore(signal: c_int) -> c_int {
    // SAFETY: all zeros is valid.
    unsafe {
        let mut ignore: libc::sigaction = mem::zeroed();
        ignore.sa_sigaction = libc::SIG_IGN;
        sigaction::set(signal, &ignore, ptr::null_mut())
    }
}
