//! Sleeping, and waiting for signals.

use core::ffi::{c_int, c_uint};
use core::ptr;

use libc::{clockid_t, timespec, useconds_t};

use super::symbol::{alias, check};
use crate::glibc::real::real;
use crate::ops::sleep;
use crate::sched::blocking;
use crate::signal::{Watch, cancel, restart};
use crate::sys::clock::{self, Instant, NEVER, SECOND};
use crate::sys::errno;
use crate::task::{Thread, arguments, green};

/// Sleeps and returns 0, or `EINTR` with the time left in `left`; `EFAULT` if that
/// cannot be written.
///
/// # Safety
/// `left` is null or for a time, if it is anywhere.
unsafe fn until(me: &'static Thread, deadline: Instant, left: *mut timespec) -> c_int {
    if sleep::until(me, deadline, &Watch::new(me)) {
        return 0;
    }
    let rest = clock::to_timespec(deadline.saturating_sub(clock::now()));
    // SAFETY: as the caller promises.
    unsafe { arguments::give_if_asked(left, rest) }.map_or_else(|error| error, |()| libc::EINTR)
}

/// `sleep`, the kernel's `clock_nanosleep` with `flags`, for `time` and for what is left of
/// that, which `left` gets if a handler has ended it: 0 or an error number.
///
/// # Safety
/// `left` is null or for a time, if it is anywhere. `sleep` fails with `EINTR` only where
/// `time` is one.
unsafe fn natively(
    flags: c_int,
    time: *const timespec,
    left: *mut timespec,
    sleep: impl Fn(*const timespec, *mut timespec) -> c_int,
) -> c_int {
    let mut time = time;
    let mut rest = clock::to_timespec(0);
    let is_absolute = flags & libc::TIMER_ABSTIME != 0;
    let result = restart::kernel_call(|| {
        let mut left = clock::to_timespec(0);
        let error = sleep(time, &mut left);
        if error == libc::EINTR && !is_absolute {
            rest = left;
            time = &raw const rest;
        }
        -(error as isize)
    });
    let error = -result as c_int;
    if error != libc::EINTR || is_absolute {
        return error;
    }
    // SAFETY: as the caller promises.
    unsafe { arguments::give_if_asked(left, rest) }.map_or_else(|error| error, |()| error)
}

/// Waits until a handler has run: `-EINTR`.
pub fn until_handled(me: &'static Thread, watch: &Watch) -> isize {
    while !watch.handled() {
        sleep::park_until(me, NEVER, watch);
        cancel::point();
    }
    -(libc::EINTR as isize)
}

/// `clock_nanosleep(2)`: 0 or an error number.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn clock_nanosleep(
    clock: clockid_t,
    flags: c_int,
    time: *const timespec,
    left: *mut timespec,
) -> c_int {
    let native = || {
        let real = real!(clock_nanosleep(_, _, _, _));
        // SAFETY: as the caller promises.
        unsafe {
            natively(flags, time, left, |time, left| {
                real(clock, flags, time, left)
            })
        }
    };
    let Some(me) = green() else { return native() };
    cancel::point();
    // CPU time and the like, and what is no time: the kernel's affair.
    let ours = matches!(clock, libc::CLOCK_REALTIME | libc::CLOCK_MONOTONIC);
    if !ours || !arguments::is_readable(time) {
        return blocking::region(native);
    }
    // SAFETY: readable.
    let time = unsafe { &*time };
    if !clock::is_valid(time) || time.tv_sec < 0 {
        return libc::EINVAL;
    }
    // SAFETY: as the caller promises.
    unsafe {
        if flags & libc::TIMER_ABSTIME != 0 {
            until(me, clock::deadline(clock, time), ptr::null_mut())
        } else {
            until(me, clock::after(clock::to_nanos(time)), left)
        }
    }
}
check!(clock_nanosleep(_, _, _, _));

/// `nanosleep(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn nanosleep(time: *const timespec, left: *mut timespec) -> c_int {
    // SAFETY: as the caller promises. Both clocks pass at the same rate.
    match unsafe { clock_nanosleep(libc::CLOCK_MONOTONIC, 0, time, left) } {
        0 => 0,
        error => {
            errno::set(error);
            -1
        }
    }
}
check!(nanosleep(_, _));

alias!(__nanosleep = nanosleep);

/// C11 `thrd_sleep`: 0, -1 after a handler, -2 for another error.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn thrd_sleep(time: *const timespec, left: *mut timespec) -> c_int {
    // SAFETY: as the caller promises.
    match unsafe { clock_nanosleep(libc::CLOCK_REALTIME, 0, time, left) } {
        0 => 0,
        libc::EINTR => -1,
        _ => -2,
    }
}

/// `sleep(3)`: 0, or the whole seconds left.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sleep(seconds: c_uint) -> c_uint {
    let mut time = timespec {
        tv_sec: seconds.into(),
        tv_nsec: 0,
    };
    let (wanted, left) = (&raw const time, &raw mut time);
    // SAFETY: both are live; the time is read before it is written.
    if unsafe { nanosleep(wanted, left) } == 0 {
        return 0;
    }
    time.tv_sec as c_uint
}
check!(sleep(_));

/// `usleep(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn usleep(micros: useconds_t) -> c_int {
    let time = clock::to_timespec(u64::from(micros) * (SECOND / 1_000_000));
    // SAFETY: `time` is live.
    unsafe { nanosleep(&time, ptr::null_mut()) }
}
check!(usleep(_));

/// `pause(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pause() -> c_int {
    let Some(me) = green() else {
        let real = real!(pause());
        // SAFETY: no preconditions.
        return restart::libc_call(|| unsafe { real() });
    };
    cancel::point();
    errno::to_libc(until_handled(me, &Watch::new(me))) as c_int
}
check!(pause());
