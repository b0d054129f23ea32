//! Waiting for blocked signals.

use core::ffi::c_int;
use core::ptr;

use libc::{siginfo_t, sigset_t, timespec};

use super::symbol::check;
use crate::glibc::real::real;
use crate::signal::{restart, wait};
use crate::sys::clock::{self, Instant, NEVER};
use crate::sys::errno;
use crate::task::{Thread, arguments, green_or_wired};

/// # Safety
/// `set` is a valid set; `place` is null or for a `siginfo_t`, if it is anywhere.
unsafe fn wait_until(
    me: &'static Thread,
    set: *const sigset_t,
    place: *mut siginfo_t,
    deadline: Instant,
) -> c_int {
    // SAFETY: as the caller promises.
    let result = unsafe {
        wait::until(me, set, deadline).and_then(|(signal, came_with)| {
            arguments::give_if_asked(place, came_with).map(|()| signal)
        })
    };
    errno::to_libc(result.map_or_else(|error| -(error as isize), |signal| signal as isize)) as c_int
}

/// `sigwait(3)`: 0 or an error number, never `EINTR`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sigwait(set: *const sigset_t, place: *mut c_int) -> c_int {
    let native = || {
        let real = real!(sigwait(_, _));
        // SAFETY: as the caller promises.
        unsafe { real(set, place) }
    };
    let Some(me) = green_or_wired() else {
        return native();
    };
    if !arguments::is_readable(set.cast::<u64>()) {
        return native();
    }
    loop {
        // SAFETY: as the caller promises.
        match unsafe { wait::until(me, set, NEVER) } {
            Ok((signal, _)) => {
                // SAFETY: as the caller promises.
                unsafe { place.write(signal) };
                return 0;
            }
            Err(libc::EINTR) => {}
            Err(error) => return error,
        }
    }
}
check!(sigwait(_, _));

/// `sigwaitinfo(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sigwaitinfo(set: *const sigset_t, place: *mut siginfo_t) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { sigtimedwait(set, place, ptr::null()) }
}
check!(sigwaitinfo(_, _));

/// `sigtimedwait(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sigtimedwait(
    set: *const sigset_t,
    place: *mut siginfo_t,
    timeout: *const timespec,
) -> c_int {
    let native = || {
        let real = real!(sigtimedwait(_, _, _));
        // SAFETY: as the caller promises.
        unsafe { restart::within(timeout, |timeout| real(set, place, timeout)) }
    };
    let Some(me) = green_or_wired() else {
        return native();
    };
    let is_time = timeout.is_null() || arguments::is_readable(timeout);
    if !is_time || !arguments::is_readable(set.cast::<u64>()) {
        return native();
    }
    // SAFETY: null or readable.
    let deadline = match unsafe { timeout.as_ref() } {
        None => NEVER,
        Some(time) if clock::is_valid(time) && time.tv_sec >= 0 => {
            clock::after(clock::to_nanos(time))
        }
        // The kernel says what is wrong with it.
        Some(_) => return native(),
    };
    // SAFETY: as the caller promises.
    unsafe { wait_until(me, set, place, deadline) }
}
check!(sigtimedwait(_, _, _));
