//! The program's own epoll descriptors.

use core::ffi::c_int;

use libc::{epoll_event, sigset_t, timespec};

use super::symbol::check;
use crate::glibc::real::real;
use crate::ops::event_loop::{self, Wait, WithoutTime};
use crate::signal::{cancel, mask, restart};
use crate::sys::clock;
use crate::sys::errno;
use crate::task::{arguments, green};

/// `epoll_wait(2)`: `timeout` in milliseconds, negative for ever.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn epoll_wait(
    epoll: c_int,
    events: *mut epoll_event,
    count: c_int,
    timeout: c_int,
) -> c_int {
    let Some(me) = green() else {
        let real = real!(epoll_wait(_, _, _, _));
        // SAFETY: as the caller promises.
        return restart::within_millis(timeout, |timeout| unsafe {
            real(epoll, events, count, timeout)
        });
    };
    cancel::point();
    let wait = Wait::new(me, clock::limit_of_millis(timeout));
    // SAFETY: as the caller promises.
    errno::to_libc(unsafe { event_loop::epoll::until_ready(&wait, epoll, events, count) }) as c_int
}
check!(epoll_wait(_, _, _, _));

/// `epoll_pwait(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn epoll_pwait(
    epoll: c_int,
    events: *mut epoll_event,
    count: c_int,
    timeout: c_int,
    set: *const sigset_t,
) -> c_int {
    let by_libc = || {
        let real = real!(epoll_pwait(_, _, _, _, _));
        // SAFETY: as the caller promises.
        restart::within_millis(timeout, |timeout| unsafe {
            real(epoll, events, count, timeout, set)
        })
    };
    let Some(me) = green() else {
        return mask::natively(set, by_libc);
    };
    cancel::point();
    let Ok(set) = mask::read(set) else {
        return by_libc();
    };
    let deadline = clock::limit_of_millis(timeout);
    // SAFETY: as the caller promises.
    let result = Wait::under(
        me,
        deadline,
        set,
        WithoutTime::HandlesNothing,
        |wait| unsafe { event_loop::epoll::until_ready(wait, epoll, events, count) },
    );
    errno::to_libc(result) as c_int
}
check!(epoll_pwait(_, _, _, _, _));

/// `epoll_pwait2(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn epoll_pwait2(
    epoll: c_int,
    events: *mut epoll_event,
    count: c_int,
    timeout: *const timespec,
    set: *const sigset_t,
) -> c_int {
    let by_libc = || {
        let real = real!(epoll_pwait2(_, _, _, _, _));
        // SAFETY: as the caller promises.
        unsafe { restart::within(timeout, |timeout| real(epoll, events, count, timeout, set)) }
    };
    let Some(me) = green() else {
        return mask::natively(set, by_libc);
    };
    cancel::point();
    if !timeout.is_null() && !arguments::is_readable(timeout) {
        return by_libc();
    }
    let Ok(set) = mask::read(set) else {
        return by_libc();
    };
    // SAFETY: null or readable.
    let Some(deadline) = clock::limit_of_time(unsafe { timeout.as_ref() }) else {
        errno::set(libc::EINVAL);
        return -1;
    };
    // SAFETY: as the caller promises.
    let result = Wait::under(
        me,
        deadline,
        set,
        WithoutTime::HandlesNothing,
        |wait| unsafe {
            // The kernel is asked in milliseconds there.
            let wait = Wait {
                may_be_in_kernel: false,
                ..*wait
            };
            event_loop::epoll::until_ready(&wait, epoll, events, count)
        },
    );
    errno::to_libc(result) as c_int
}
check!(epoll_pwait2(_, _, _, _, _));
