//! Calls that ask or tell a file something by its number, or change what is known of it: `fcntl`,
//! `ioctl`, `setsockopt`. Any thread may be the caller, before the first green thread, too.

use core::ffi::c_int;
use core::sync::atomic::Ordering;

use super::attempts::{self, Manner, Outcome};
use super::turn::{self, Ends};
use super::{EAGAIN, EBADF, EINTR, lives, numbers, owner, receive};
use crate::hub::place;
use crate::sched::turns;
use crate::sys::clock::NEVER;
use crate::sys::raw::syscall;
use crate::task::word::Cancellation;
use crate::task::{Thread, current, green};

/// `fcntl(2)`, which `call` carries out: its result, whatever it means by it, but for
/// what is refused here, by `refuse`. `cancellation` is for the commands that wait.
pub fn control(
    fd: c_int,
    command: c_int,
    argument: usize,
    cancellation: Cancellation,
    call: impl FnOnce() -> isize,
    refuse: impl FnOnce(isize) -> isize,
) -> isize {
    if numbers::is_the_hubs(fd) {
        return refuse(EBADF);
    }
    match command {
        libc::F_DUPFD | libc::F_DUPFD_CLOEXEC => {
            // The lowest free number from the argument on.
            if place::is_near(argument as c_int) && !current().is_apart() {
                place::make_room(argument as c_int);
            }
            numbers::duplicated(fd, call())
        }
        libc::F_SETFL => lives::change_status(fd, call),
        libc::F_GETFL => lives::with_status(fd, call),
        libc::F_GETOWN => owner::known(fd, call()),
        owner::F_SETOWN_EX | owner::F_GETOWN_EX => {
            let result = match command {
                owner::F_SETOWN_EX => owner::set(fd, argument),
                _ => owner::get(fd, argument),
            };
            if result < 0 { refuse(result) } else { result }
        }
        libc::F_SETLKW => lock(fd, libc::F_SETLK, argument, cancellation, call, refuse),
        libc::F_OFD_SETLKW => lock(fd, libc::F_OFD_SETLK, argument, cancellation, call, refuse),
        _ => call(),
    }
}

/// A command of `fcntl` that waits for a lock. It is tried by the one that does not, `at_once`;
/// then `call` waits, when it is the caller's turn to block a kernel thread.
fn lock(
    fd: c_int,
    at_once: c_int,
    argument: usize,
    cancellation: Cancellation,
    call: impl FnOnce() -> isize,
    refuse: impl FnOnce(isize) -> isize,
) -> isize {
    const EACCES: isize = -(libc::EACCES as isize);
    let attempt = || {
        // SAFETY: the kernel refuses bad addresses.
        match unsafe { syscall!(SYS_fcntl, fd, at_once, argument) } {
            EAGAIN | EACCES => None,
            result => Some(result),
        }
    };
    // Who is to be cancelled is so in `call`, or in the wait for his turn.
    let is_to_go_on =
        |me: &Thread| cancellation != Cancellation::Point || !me.cancelled.load(Ordering::Relaxed);
    if green().is_some_and(is_to_go_on) {
        let manner = Manner {
            cancellation,
            ends: Ends::UnlessRestarted,
            deadline: NEVER,
        };
        let result = attempt().or_else(|| match attempts::run(manner, attempt) {
            Outcome::Done(result) => Some(result),
            Outcome::MayBlock => None,
            Outcome::Interrupted | Outcome::Timeout => Some(EINTR),
        });
        match result {
            None => {}
            Some(error) if error < 0 => return refuse(error),
            Some(result) => return result,
        }
    }
    turn::run(&turns::CALLS, cancellation, Ends::UnlessRestarted, call)
        .unwrap_or_else(|| refuse(EINTR))
}

/// `ioctl(2)`.
///
/// # Safety
/// As for `ioctl`.
pub unsafe fn device_control(fd: c_int, request: usize, argument: usize) -> isize {
    if numbers::is_the_hubs(fd) {
        return EBADF;
    }
    // SAFETY: as the caller promises.
    let call = || unsafe { syscall!(SYS_ioctl, fd, request, argument) };
    match request as u64 {
        libc::FIONBIO | libc::FIOASYNC => lives::change_status(fd, call),
        _ => call(),
    }
}

/// The program has called `setsockopt(2)` for `fd`.
pub fn option_set(fd: c_int, level: c_int, name: c_int) {
    if level == libc::SOL_SOCKET {
        match name {
            libc::SO_RCVTIMEO | libc::SO_SNDTIMEO => lives::status_changed(fd),
            libc::SO_RCVLOWAT => receive::low_water_set(),
            receive::SO_INQ => receive::unread_told(),
            libc::SO_LINGER => numbers::linger_set(),
            _ => {}
        }
    }
}
