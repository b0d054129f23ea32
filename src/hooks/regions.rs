//! Calls that block without a readiness form: locks on files, their way to the
//! disk, asynchronous transfers and look-ups that are waited for, System V queues.

use core::ffi::{c_int, c_long, c_void};

use libc::{aiocb, off_t, sembuf, sigevent, size_t, ssize_t, timespec};

use super::symbol::{alias, check};
use crate::glibc::real::real;
use crate::ops::turn::{self, Ends};
use crate::sched::{blocking, turns};
use crate::signal::restart;
use crate::sys::errno;
use crate::task::green;
use crate::task::word::Cancellation;

/// `tcdrain(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn tcdrain(fd: c_int) -> c_int {
    let real = real!(tcdrain(_));
    // SAFETY: as the caller promises.
    blocking::region(|| restart::libc_call(|| unsafe { real(fd) }))
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
    blocking::region(|| unsafe {
        restart::within(timeout, |limit| real(set, operations, count, limit))
    })
}

/// `aio_suspend(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn aio_suspend(
    list: *const *const aiocb,
    count: c_int,
    timeout: *const timespec,
) -> c_int {
    let real = real!(aio_suspend(_, _, _));
    // SAFETY: as the caller promises.
    blocking::region(|| unsafe { restart::within(timeout, |limit| real(list, count, limit)) })
}
check!(aio_suspend(_, _, _));

alias!(aio_suspend64 = aio_suspend);

/// `lio_listio(3)`, which may wait for all. It has begun them all by then, so it is not
/// called again.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn lio_listio(
    mode: c_int,
    list: *const *mut aiocb,
    count: c_int,
    event: *mut sigevent,
) -> c_int {
    let real = real!(lio_listio(_, _, _, _));
    // SAFETY: as the caller promises.
    blocking::region(|| unsafe { real(mode, list, count, event) })
}
check!(lio_listio(_, _, _, _));

alias!(lio_listio64 = lio_listio);

/// `getaddrinfo_a(3)`, which may wait for all. It has begun them all by then, so it is not
/// called again.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn getaddrinfo_a(
    mode: c_int,
    list: *const *mut c_void,
    count: c_int,
    event: *mut sigevent,
) -> c_int {
    let real = real!(getaddrinfo_a(_, _, _, _));
    // SAFETY: as the caller promises.
    blocking::region(|| unsafe { real(mode, list, count, event) })
}

/// `gai_suspend(3)`: 0 or an `EAI_*`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn gai_suspend(
    list: *const *const c_void,
    count: c_int,
    timeout: *const timespec,
) -> c_int {
    // <netdb.h>; the libc crate lacks it.
    const EAI_INTR: c_int = -104;
    let real = real!(gai_suspend(_, _, _));
    let call = |limit: *const timespec| {
        // SAFETY: as the caller promises.
        match unsafe { real(list, count, limit) } {
            EAI_INTR => {
                errno::set(libc::EINTR);
                -1
            }
            result => result,
        }
    };
    // SAFETY: as the caller promises.
    match blocking::region(|| unsafe { restart::within(timeout, call) }) {
        -1 => EAI_INTR,
        result => result,
    }
}

/// Runs `call` when it is the caller's turn to block a kernel thread; `EINTR` if a handler
/// ends the wait for that. A signal that is meant for another thread, and has met the kernel
/// thread where that one ran a moment ago, ends no call: one that the kernel never restarts begins anew.
fn in_turn<R: From<i8> + PartialEq>(
    cancellation: Cancellation,
    ends: Ends,
    call: impl Fn() -> R,
) -> R {
    restart::libc_call(|| {
        turn::run(&turns::CALLS, cancellation, ends, &call).unwrap_or_else(|| {
            errno::set(libc::EINTR);
            R::from(-1)
        })
    })
}

/// [`in_turn`], unless `at_once`, which does not wait, has another result than `busy`. Other
/// threads than green ones have none.
fn unless_at_once<R: From<i8> + PartialEq>(
    cancellation: Cancellation,
    ends: Ends,
    busy: c_int,
    at_once: impl Fn() -> R,
    call: impl Fn() -> R,
) -> R {
    if green().is_none() {
        return restart::libc_call(call);
    }
    let before = errno::get();
    let result = restart::libc_call(at_once);
    if result != R::from(-1) || errno::get() != busy {
        return result;
    }
    errno::set(before);
    in_turn(cancellation, ends, call)
}

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

/// `semop(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn semop(set: c_int, operations: *mut sembuf, count: size_t) -> c_int {
    let real = real!(semop(_, _, _));
    let wait = real!(semtimedop(_, _, _, _));
    let none = timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: as the caller promises. A time limit that is over is one that does not wait.
    let at_once = || unsafe { wait(set, operations, count, &raw const none) };
    // SAFETY: as the caller promises.
    let call = || unsafe { real(set, operations, count) };
    unless_at_once(
        Cancellation::Never,
        Ends::Always,
        libc::EAGAIN,
        at_once,
        call,
    )
}
check!(semop(_, _, _));
