//! `poll` and `ppoll`.

use core::ffi::c_int;

use libc::{nfds_t, pollfd, sigset_t, size_t, timespec};

use super::symbol::{alias, check, fortified};
use crate::glibc::real::real;
use crate::ops::event_loop::{self, Wait, WithoutTime};
use crate::signal::{cancel, mask, restart};
use crate::sys::clock;
use crate::sys::errno;
use crate::task::green;

/// `poll(2)`: `timeout` in milliseconds, negative for ever.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn poll(fds: *mut pollfd, count: nfds_t, timeout: c_int) -> c_int {
    let Some(me) = green() else {
        let real = real!(poll(_, _, _));
        // SAFETY: as the caller promises.
        return restart::within_millis(timeout, |timeout| unsafe { real(fds, count, timeout) });
    };
    cancel::point();
    let wait = Wait::new(me, clock::limit_of_millis(timeout));
    // SAFETY: as the caller promises.
    errno::to_libc(unsafe { event_loop::poll::until_ready(&wait, fds, count) }) as c_int
}
check!(poll(_, _, _));

alias!(__poll = poll);

fortified!(
    __poll_chk(fds: *mut pollfd, count: nfds_t, timeout: c_int, room: size_t) -> c_int
        = poll(fds, count, timeout) if count as usize <= room / size_of::<pollfd>()
);

/// `ppoll(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn ppoll(
    fds: *mut pollfd,
    count: nfds_t,
    timeout: *const timespec,
    set: *const sigset_t,
) -> c_int {
    let by_libc = || {
        let real = real!(ppoll(_, _, _, _));
        // SAFETY: as the caller promises.
        unsafe { restart::within(timeout, |timeout| real(fds, count, timeout, set)) }
    };
    let Some(me) = green() else {
        return mask::natively(set, by_libc);
    };
    cancel::point();
    let Ok(set) = mask::read(set) else {
        return by_libc();
    };
    // SAFETY: as the caller promises; libc, too, looks there itself.
    let Some(deadline) = clock::limit_of_time(unsafe { timeout.as_ref() }) else {
        errno::set(libc::EINVAL);
        return -1;
    };
    // SAFETY: as the caller promises.
    let result = Wait::under(
        me,
        deadline,
        set,
        WithoutTime::HandlesSignals,
        |wait| unsafe { event_loop::poll::until_ready(wait, fds, count) },
    );
    errno::to_libc(result) as c_int
}
check!(ppoll(_, _, _, _));

fortified!(
    __ppoll_chk(
        fds: *mut pollfd,
        count: nfds_t,
        timeout: *const timespec,
        set: *const sigset_t,
        room: size_t,
    ) -> c_int
        = ppoll(fds, count, timeout, set) if count as usize <= room / size_of::<pollfd>()
);
