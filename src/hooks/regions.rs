//! Calls that block without a readiness form: locks on files, their way to the
//! disk, System V queues and semaphores.

use core::ffi::{c_int, c_long, c_void};
use core::ptr;

use libc::{off_t, sembuf, size_t, ssize_t, timespec};

use super::in_turn::{in_turn, in_turn_within, unless_at_once};
use super::symbol::{alias, check};
use crate::glibc::real::real;
use crate::ops::semaphores;
use crate::ops::turn::Ends;
use crate::task::word::Cancellation;
use crate::task::{arguments, green};

/// `tcdrain(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn tcdrain(fd: c_int) -> c_int {
    let real = real!(tcdrain(_));
    // SAFETY: as the caller promises.
    in_turn(Cancellation::Point, Ends::UnlessRestarted, || unsafe {
        real(fd)
    })
}
check!(tcdrain(_));

/// `semtimedop(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn semtimedop(
    set: c_int,
    operations: *mut sembuf,
    count: size_t,
    timeout: *const timespec,
) -> c_int {
    let real = real!(semtimedop(_, _, _, _));
    // SAFETY: as the caller promises.
    let call = |limit: *const timespec| unsafe { real(set, operations, count, limit) };
    let size = count.saturating_mul(size_of::<sembuf>());
    let are_there = green().is_some() && arguments::are_readable(operations.addr(), size);
    // SAFETY: seen to be there, if any are looked at.
    let at = |index| unsafe { operations.add(index).read_unaligned() };
    let each = (0..if are_there { count } else { 0 }).map(at);
    let may_some_not_wait = each
        .clone()
        .any(|operation| semaphores::never_waits(&operation));
    if may_some_not_wait
        && each
            .clone()
            .all(|operation| semaphores::never_waits(&operation))
    {
        return call(timeout);
    }
    let fails = || may_some_not_wait && semaphores::are_refused(set, each.clone());
    // SAFETY: as the caller promises.
    unsafe { in_turn_within(timeout, Cancellation::Never, Ends::Always, fails, call) }
}

/// `semop(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn semop(set: c_int, operations: *mut sembuf, count: size_t) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { semtimedop(set, operations, count, ptr::null()) }
}
check!(semop(_, _, _));

/// `syncfs(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn syncfs(fd: c_int) -> c_int {
    let real = real!(syncfs(_));
    // SAFETY: as the caller promises.
    in_turn(Cancellation::Never, Ends::Never, || unsafe { real(fd) })
}
check!(syncfs(_));

/// `sync(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sync() {
    let real = real!(sync());
    in_turn(Cancellation::Never, Ends::Never, || {
        // SAFETY: no preconditions.
        unsafe { real() };
        0
    });
}
check!(sync());

/// `fsync(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn fsync(fd: c_int) -> c_int {
    let real = real!(fsync(_));
    // SAFETY: as the caller promises.
    in_turn(Cancellation::Point, Ends::Never, || unsafe { real(fd) })
}
check!(fsync(_));

/// `fdatasync(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn fdatasync(fd: c_int) -> c_int {
    let real = real!(fdatasync(_));
    // SAFETY: as the caller promises.
    in_turn(Cancellation::Point, Ends::Never, || unsafe { real(fd) })
}
check!(fdatasync(_));

/// `flock(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn flock(fd: c_int, operation: c_int) -> c_int {
    let real = real!(flock(_, _));
    // SAFETY: numbers are no memory.
    let call = |flags| unsafe { real(fd, operation | flags) };
    let at_once = || call(libc::LOCK_NB);
    if operation & libc::LOCK_NB != 0 {
        return at_once();
    }
    unless_at_once(
        Cancellation::Never,
        Ends::UnlessRestarted,
        libc::EWOULDBLOCK,
        at_once,
        || call(0),
    )
}
check!(flock(_, _));

/// `lockf(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn lockf(fd: c_int, command: c_int, length: off_t) -> c_int {
    let real = real!(lockf(_, _, _));
    // SAFETY: numbers are no memory.
    let call = |command| unsafe { real(fd, command, length) };
    if command != libc::F_LOCK {
        return call(command);
    }
    let at_once = || call(libc::F_TLOCK);
    unless_at_once(
        Cancellation::Point,
        Ends::UnlessRestarted,
        libc::EAGAIN,
        at_once,
        || call(command),
    )
}
check!(lockf(_, _, _));

alias!(lockf64 = lockf);

/// `msgsnd(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn msgsnd(
    queue: c_int,
    message: *const c_void,
    size: size_t,
    flags: c_int,
) -> c_int {
    let real = real!(msgsnd(_, _, _, _));
    // SAFETY: as the caller promises.
    let call = |more| unsafe { real(queue, message, size, flags | more) };
    if flags & libc::IPC_NOWAIT != 0 {
        return call(0);
    }
    let at_once = || call(libc::IPC_NOWAIT);
    unless_at_once(
        Cancellation::Point,
        Ends::Always,
        libc::EAGAIN,
        at_once,
        || call(0),
    )
}
check!(msgsnd(_, _, _, _));

/// `msgrcv(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn msgrcv(
    queue: c_int,
    message: *mut c_void,
    size: size_t,
    kind: c_long,
    flags: c_int,
) -> ssize_t {
    let real = real!(msgrcv(_, _, _, _, _));
    // SAFETY: as the caller promises.
    let call = |more| unsafe { real(queue, message, size, kind, flags | more) };
    if flags & libc::IPC_NOWAIT != 0 {
        return call(0);
    }
    let at_once = || call(libc::IPC_NOWAIT);
    unless_at_once(
        Cancellation::Point,
        Ends::Always,
        libc::ENOMSG,
        at_once,
        || call(0),
    )
}
check!(msgrcv(_, _, _, _, _));
