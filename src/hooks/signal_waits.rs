//! Waiting for blocked signals.

use core::ffi::c_int;
use core::ptr;

use libc::{siginfo_t, sigset_t, timespec};

use crate::signal::wait;
use crate::sys::clock::{self, Instant, NEVER};
use crate::sys::errno;
use crate::sys::real::real;
use crate::thread::{Thread, green_or_wired};

/// # Safety
/// `set` is a valid set; `place` is null or can be written.
unsafe fn wait_until(
    me: &'static Thread,
    set: *const sigset_t,
    place: *mut siginfo_t,
    deadline: Instant,
) -> c_int {
    // SAFETY: as the caller promises.
    match unsafe { wait::until(me, set, deadline) } {
        Ok((signal, came_with)) => {
            if !place.is_null() {
                // SAFETY: as the caller promises.
                unsafe { place.write(came_with) };
            }
            signal
        }
        Err(error) => {
            errno::set(error);
            -1
        }
    }
}

export! {
    /// `sigwait(3)`: 0 or an error number, never `EINTR`.
    fn sigwait(set: *const sigset_t, place: *mut c_int) -> c_int {
        let Some(me) = green_or_wired() else {
            let real = real!(sigwait: unsafe extern "C-unwind" fn(*const sigset_t, *mut c_int) -> c_int);
            // SAFETY: as the caller promises.
            return unsafe { real(set, place) };
        };
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

    /// `sigwaitinfo(2)`.
    fn sigwaitinfo(set: *const sigset_t, place: *mut siginfo_t) -> c_int {
        // SAFETY: as the caller promises.
        unsafe { sigtimedwait(set, place, ptr::null()) }
    }

    /// `sigtimedwait(2)`.
    fn sigtimedwait(set: *const sigset_t, place: *mut siginfo_t, timeout: *const timespec) -> c_int {
        let native = || {
            type Real = unsafe extern "C-unwind" fn(*const sigset_t, *mut siginfo_t, *const timespec) -> c_int;
            let real = real!(sigtimedwait: Real);
            // SAFETY: as the caller promises.
            unsafe { real(set, place, timeout) }
        };
        let Some(me) = green_or_wired() else { return native() };
        // SAFETY: as the caller promises: null or valid.
        let deadline = match unsafe { timeout.as_ref() } {
            None => NEVER,
            Some(time) if clock::is_valid(time) && time.tv_sec >= 0 => clock::after(clock::to_nanos(time)),
            // The kernel says what is wrong with it.
            Some(_) => return native(),
        };
        // SAFETY: as the caller promises.
        unsafe { wait_until(me, set, place, deadline) }
    }
}
