//! Signal masks, by the names of three generations.

use core::ffi::c_int;
use core::mem::MaybeUninit;
use core::ptr;

use libc::sigset_t;

use super::sleep;
use super::symbol::{alias, check};
use crate::glibc::real::real;
use crate::signal::{cancel, mask, restart, send};
use crate::sys::errno;
use crate::sys::raw::syscall;
use crate::task::{Critical, Thread, arguments, green, green_or_wired};

/// 0 or an error number.
///
/// # Safety
/// `set` is null or valid; `old` is null or for a set, if it is anywhere.
pub(super) unsafe fn change_mask(
    me: &'static Thread,
    how: c_int,
    set: *const sigset_t,
    old: *mut sigset_t,
) -> c_int {
    // SAFETY: as the caller promises; a sigset_t begins with the kernel's 64
    // signals, and glibc, too, fills no more of the old one.
    let wanted = unsafe { set.cast::<u64>().as_ref() }.copied();
    match mask::change(me, how, wanted) {
        // SAFETY: as the caller promises.
        Ok(before) => unsafe { arguments::give_if_asked(old.cast::<u64>(), before) }
            .err()
            .unwrap_or(0),
        Err(error) => error,
    }
}

/// The set with just `signal` in it; `None`, with `errno` set, if that is none.
pub fn set_of(signal: c_int) -> Option<sigset_t> {
    let mut set = MaybeUninit::zeroed();
    // SAFETY: all zeros is the empty set; sigaddset refuses what is not a signal.
    unsafe { (libc::sigaddset(set.as_mut_ptr(), signal) == 0).then(|| set.assume_init()) }
}

/// BSD's masks are integers: bit `n - 1` for signal `n`.
fn set_of_bits(bits: c_int) -> sigset_t {
    let mut set = MaybeUninit::<sigset_t>::zeroed();
    // SAFETY: a sigset_t begins with the kernel's 64 signals, and all zeros is valid.
    unsafe {
        set.as_mut_ptr().cast::<u64>().write(u64::from(bits as u32));
        set.assume_init()
    }
}

/// [`sigprocmask`] as BSD has it: the mask from before, or -1.
fn change_bits(how: c_int, bits: c_int) -> c_int {
    let mut before = MaybeUninit::<sigset_t>::zeroed();
    // SAFETY: live sets; one begins with the kernel's 64 signals.
    unsafe {
        match sigprocmask(how, &set_of_bits(bits), before.as_mut_ptr()) {
            0 => before.as_ptr().cast::<u64>().read() as c_int,
            error => error,
        }
    }
}

/// Changes one signal, as System V does: 0 or -1.
fn change_one(how: c_int, signal: c_int) -> c_int {
    match set_of(signal) {
        // SAFETY: a live set.
        Some(set) => unsafe { sigprocmask(how, &set, ptr::null_mut()) },
        None => -1,
    }
}

/// # Safety
/// As for `pthread_sigmask`.
pub(super) unsafe fn change_natively(
    how: c_int,
    set: *const sigset_t,
    old: *mut sigset_t,
) -> c_int {
    let real = real!(pthread_sigmask(_, _, _));
    // SAFETY: as the caller promises.
    unsafe { real(how, set, old) }
}

/// `pthread_sigmask(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_sigmask(
    how: c_int,
    set: *const sigset_t,
    old: *mut sigset_t,
) -> c_int {
    // SAFETY: as the caller promises.
    unsafe {
        match green_or_wired() {
            Some(me) => change_mask(me, how, set, old),
            None => change_natively(how, set, old),
        }
    }
}
check!(pthread_sigmask(_, _, _));

/// `sigprocmask(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sigprocmask(
    how: c_int,
    set: *const sigset_t,
    old: *mut sigset_t,
) -> c_int {
    match green_or_wired() {
        // SAFETY: as the caller promises.
        Some(me) => match unsafe { change_mask(me, how, set, old) } {
            0 => 0,
            error => {
                errno::set(error);
                -1
            }
        },
        None => {
            let real = real!(sigprocmask(_, _, _));
            // SAFETY: as the caller promises.
            unsafe { real(how, set, old) }
        }
    }
}
check!(sigprocmask(_, _, _));

/// `sigpending(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sigpending(set: *mut sigset_t) -> c_int {
    // SAFETY: as the caller promises.
    let result = errno::to_libc(unsafe { syscall!(SYS_rt_sigpending, set, 8) }) as c_int;
    if let (0, Some(me)) = (result, green_or_wired()) {
        let _critical = Critical::enter();
        let blocked = me.pending.look() & me.mask.get();
        send::taken_out(me);
        // SAFETY: written by the successful call.
        unsafe { *set.cast::<u64>() |= blocked };
    }
    result
}
check!(sigpending(_));

/// `sigsuspend(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sigsuspend(set: *const sigset_t) -> c_int {
    let native = || {
        let real = real!(sigsuspend(_));
        // SAFETY: as the caller promises.
        restart::libc_call(|| unsafe { real(set) })
    };
    let Some(me) = green() else {
        return mask::natively(set, native);
    };
    cancel::point();
    match mask::read(set) {
        Ok(Some(open)) => {
            let result = mask::during(me, Some(open), |watch| sleep::until_handled(me, watch));
            errno::to_libc(result) as c_int
        }
        _ => native(),
    }
}
check!(sigsuspend(_));

alias!(__sigsuspend = sigsuspend);

/// BSD's `sigblock`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sigblock(bits: c_int) -> c_int {
    change_bits(libc::SIG_BLOCK, bits)
}

/// BSD's `sigsetmask`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sigsetmask(bits: c_int) -> c_int {
    change_bits(libc::SIG_SETMASK, bits)
}

/// System V's `sighold`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sighold(signal: c_int) -> c_int {
    change_one(libc::SIG_BLOCK, signal)
}

/// System V's `sigrelse`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sigrelse(signal: c_int) -> c_int {
    change_one(libc::SIG_UNBLOCK, signal)
}

/// What both forms of `sigpause` come to in glibc: of a mask, or of the one signal
/// that is to be let through.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn __sigpause(signal_or_bits: c_int, is_signal: c_int) -> c_int {
    let mut set = set_of_bits(signal_or_bits);
    // SAFETY: a live set.
    unsafe {
        if is_signal != 0
            && (sigprocmask(libc::SIG_BLOCK, ptr::null(), &mut set) != 0
                || libc::sigdelset(&mut set, signal_or_bits) != 0)
        {
            return -1;
        }
        sigsuspend(&set)
    }
}

/// BSD's `sigpause`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sigpause(bits: c_int) -> c_int {
    // SAFETY: no preconditions.
    unsafe { __sigpause(bits, 0) }
}

/// System V's `sigpause`: what it is with `_XOPEN_SOURCE`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn __xpg_sigpause(signal: c_int) -> c_int {
    // SAFETY: no preconditions.
    unsafe { __sigpause(signal, 1) }
}
