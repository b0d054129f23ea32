//! Calls that block without a readiness form: locks on files, their way to the
//! disk, asynchronous transfers and look-ups that are waited for, System V queues.

use core::ffi::{c_int, c_long, c_void};

use libc::{aiocb, off_t, sembuf, sigevent, size_t, ssize_t, timespec};

use crate::glibc::real::real;
use crate::ops::turn::{self, Ends};
use crate::sched::{blocking, turns};
use crate::signal::restart;
use crate::sys::errno;
use crate::task::green;
use crate::task::word::Cancellation;

/// Hooks that run the real function in a blocking region, and again after a signal that was
/// not for the caller.
macro_rules! regions {
    ($($(#[$meta:meta])* fn $name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
        export! {$(
            $(#[$meta])*
            unchecked fn $name($($argument: $type),*) -> $result {
                let real = real!($name: unsafe extern "C-unwind" fn($($type),*) -> $result);
                // SAFETY: as the caller promises.
                blocking::region(|| restart::libc_call(|| unsafe { real($($argument),*) }))
            }
        )*}
    };
}

regions! {
    /// `tcdrain(3)`.
    fn tcdrain(fd: c_int) -> c_int;
}

export! {
    /// `semtimedop(2)`.
    unchecked fn semtimedop(set: c_int, operations: *mut sembuf, count: size_t, timeout: *const timespec) -> c_int {
        type Real = unsafe extern "C-unwind" fn(c_int, *mut sembuf, size_t, *const timespec) -> c_int;
        let real = real!(semtimedop: Real);
        // SAFETY: as the caller promises.
        blocking::region(|| unsafe { restart::within(timeout, |limit| real(set, operations, count, limit)) })
    }

    /// `aio_suspend(3)`.
    unchecked fn aio_suspend(list: *const *const aiocb, count: c_int, timeout: *const timespec) -> c_int {
        type Real = unsafe extern "C-unwind" fn(*const *const aiocb, c_int, *const timespec) -> c_int;
        let real = real!(aio_suspend: Real);
        // SAFETY: as the caller promises.
        blocking::region(|| unsafe { restart::within(timeout, |limit| real(list, count, limit)) })
    }

    /// Alias of `aio_suspend`.
    unchecked fn aio_suspend64(list: *const *const aiocb, count: c_int, timeout: *const timespec) -> c_int {
        // SAFETY: as the caller promises.
        unsafe { aio_suspend(list, count, timeout) }
    }

    /// `lio_listio(3)`, which may wait for all. It has begun them all by then, so it is not
    /// called again.
    unchecked fn lio_listio(mode: c_int, list: *const *mut aiocb, count: c_int, event: *mut sigevent) -> c_int {
        type Real = unsafe extern "C-unwind" fn(c_int, *const *mut aiocb, c_int, *mut sigevent) -> c_int;
        let real = real!(lio_listio: Real);
        // SAFETY: as the caller promises.
        blocking::region(|| unsafe { real(mode, list, count, event) })
    }

    /// Alias of `lio_listio`.
    unchecked fn lio_listio64(mode: c_int, list: *const *mut aiocb, count: c_int, event: *mut sigevent) -> c_int {
        // SAFETY: as the caller promises.
        unsafe { lio_listio(mode, list, count, event) }
    }

    /// `getaddrinfo_a(3)`, which may wait for all. It has begun them all by then, so it is not
    /// called again.
    unchecked fn getaddrinfo_a(mode: c_int, list: *const *mut c_void, count: c_int, event: *mut sigevent) -> c_int {
        type Real = unsafe extern "C-unwind" fn(c_int, *const *mut c_void, c_int, *mut sigevent) -> c_int;
        let real = real!(getaddrinfo_a: Real);
        // SAFETY: as the caller promises.
        blocking::region(|| unsafe { real(mode, list, count, event) })
    }

    /// `gai_suspend(3)`: 0 or an `EAI_*`.
    unchecked fn gai_suspend(list: *const *const c_void, count: c_int, timeout: *const timespec) -> c_int {
        // <netdb.h>; the libc crate lacks it.
        const EAI_INTR: c_int = -104;
        type Real = unsafe extern "C-unwind" fn(*const *const c_void, c_int, *const timespec) -> c_int;
        let real = real!(gai_suspend: Real);
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

/// Hooks that run the real function in turn: a call that the wait for a disk or a line ends.
macro_rules! in_turn {
    ($($(#[$meta:meta])* fn $name:ident($($argument:ident: $type:ty),*) => $cancellation:ident;)*) => {
        export! {$(
            $(#[$meta])*
            unchecked fn $name($($argument: $type),*) -> c_int {
                let real = real!($name: unsafe extern "C-unwind" fn($($type),*) -> c_int);
                // SAFETY: as the caller promises.
                in_turn(Cancellation::$cancellation, Ends::Never, || unsafe { real($($argument),*) })
            }
        )*}
    };
}

in_turn! {
    /// `syncfs(2)`.
    fn syncfs(fd: c_int) => Never;
    /// `fsync(2)`.
    fn fsync(fd: c_int) => Point;
    /// `fdatasync(2)`.
    fn fdatasync(fd: c_int) => Point;
}

type RealSend = unsafe extern "C-unwind" fn(c_int, *const c_void, size_t, c_int) -> c_int;
type RealTimedOperate =
    unsafe extern "C-unwind" fn(c_int, *mut sembuf, size_t, *const timespec) -> c_int;
type RealReceive =
    unsafe extern "C-unwind" fn(c_int, *mut c_void, size_t, c_long, c_int) -> ssize_t;

export! {
    /// `flock(2)`.
    fn flock(fd: c_int, operation: c_int) -> c_int {
        let real = real!(flock: unsafe extern "C-unwind" fn(c_int, c_int) -> c_int);
        // SAFETY: numbers are no memory.
        let call = |flags| unsafe { real(fd, operation | flags) };
        let at_once = || call(libc::LOCK_NB);
        unless_at_once(Cancellation::Never, Ends::UnlessRestarted, libc::EWOULDBLOCK, at_once, || call(0))
    }

    /// `lockf(3)`.
    fn lockf(fd: c_int, command: c_int, length: off_t) -> c_int {
        let real = real!(lockf: unsafe extern "C-unwind" fn(c_int, c_int, off_t) -> c_int);
        // SAFETY: numbers are no memory.
        let call = |command| unsafe { real(fd, command, length) };
        if command != libc::F_LOCK {
            return call(command);
        }
        let at_once = || call(libc::F_TLOCK);
        unless_at_once(Cancellation::Point, Ends::UnlessRestarted, libc::EAGAIN, at_once, || call(command))
    }

    /// Alias of `lockf`.
    unchecked fn lockf64(fd: c_int, command: c_int, length: off_t) -> c_int {
        // SAFETY: as the caller promises.
        unsafe { lockf(fd, command, length) }
    }

    /// `msgsnd(2)`.
    fn msgsnd(queue: c_int, message: *const c_void, size: size_t, flags: c_int) -> c_int {
        let real = real!(msgsnd: RealSend);
        // SAFETY: as the caller promises.
        let call = |more| unsafe { real(queue, message, size, flags | more) };
        if flags & libc::IPC_NOWAIT != 0 {
            return call(0);
        }
        let at_once = || call(libc::IPC_NOWAIT);
        unless_at_once(Cancellation::Point, Ends::Always, libc::EAGAIN, at_once, || call(0))
    }

    /// `msgrcv(2)`.
    fn msgrcv(queue: c_int, message: *mut c_void, size: size_t, kind: c_long, flags: c_int) -> ssize_t {
        let real = real!(msgrcv: RealReceive);
        // SAFETY: as the caller promises.
        let call = |more| unsafe { real(queue, message, size, kind, flags | more) };
        if flags & libc::IPC_NOWAIT != 0 {
            return call(0);
        }
        let at_once = || call(libc::IPC_NOWAIT);
        unless_at_once(Cancellation::Point, Ends::Always, libc::ENOMSG, at_once, || call(0))
    }

    /// `semop(2)`.
    fn semop(set: c_int, operations: *mut sembuf, count: size_t) -> c_int {
        let real = real!(semop: unsafe extern "C-unwind" fn(c_int, *mut sembuf, size_t) -> c_int);
        let wait = real!(semtimedop: RealTimedOperate);
        let none = timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: as the caller promises. A time limit that is over is one that does not wait.
        let at_once = || unsafe { wait(set, operations, count, &raw const none) };
        // SAFETY: as the caller promises.
        let call = || unsafe { real(set, operations, count) };
        unless_at_once(Cancellation::Never, Ends::Always, libc::EAGAIN, at_once, call)
    }
}
