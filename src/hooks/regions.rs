//! Calls that block without a readiness form: locks on files, their way to the
//! disk, asynchronous transfers and look-ups that are waited for, System V queues.

use core::ffi::{c_int, c_long, c_void};

use libc::{aiocb, off_t, sembuf, sigevent, size_t, ssize_t, timespec};

use crate::glibc::real::real;
use crate::sched::blocking;

/// Hooks that run the real function in a blocking region.
macro_rules! regions {
    ($($(#[$meta:meta])* fn $name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
        export! {$(
            $(#[$meta])*
            unchecked fn $name($($argument: $type),*) -> $result {
                let real = real!($name: unsafe extern "C-unwind" fn($($type),*) -> $result);
                // SAFETY: as the caller promises.
                blocking::region(|| unsafe { real($($argument),*) })
            }
        )*}
    };
}

regions! {
    /// `flock(2)`.
    fn flock(fd: c_int, operation: c_int) -> c_int;
    /// `lockf(3)`.
    fn lockf(fd: c_int, command: c_int, length: off_t) -> c_int;
    /// Alias of `lockf`.
    fn lockf64(fd: c_int, command: c_int, length: off_t) -> c_int;
    /// `aio_suspend(3)`.
    fn aio_suspend(list: *const *const aiocb, count: c_int, timeout: *const timespec) -> c_int;
    /// Alias of `aio_suspend`.
    fn aio_suspend64(list: *const *const aiocb, count: c_int, timeout: *const timespec) -> c_int;
    /// `lio_listio(3)`, which may wait for all.
    fn lio_listio(mode: c_int, list: *const *mut aiocb, count: c_int, event: *mut sigevent) -> c_int;
    /// Alias of `lio_listio`.
    fn lio_listio64(mode: c_int, list: *const *mut aiocb, count: c_int, event: *mut sigevent) -> c_int;
    /// `gai_suspend(3)`.
    fn gai_suspend(list: *const *const c_void, count: c_int, timeout: *const timespec) -> c_int;
    /// `syncfs(2)`.
    fn syncfs(fd: c_int) -> c_int;
    /// `fsync(2)`.
    fn fsync(fd: c_int) -> c_int;
    /// `fdatasync(2)`.
    fn fdatasync(fd: c_int) -> c_int;
    /// `tcdrain(3)`.
    fn tcdrain(fd: c_int) -> c_int;
    /// `msgsnd(2)`.
    fn msgsnd(queue: c_int, message: *const c_void, size: size_t, flags: c_int) -> c_int;
    /// `msgrcv(2)`.
    fn msgrcv(queue: c_int, message: *mut c_void, size: size_t, kind: c_long, flags: c_int) -> ssize_t;
    /// `semop(2)`.
    fn semop(set: c_int, operations: *mut sembuf, count: size_t) -> c_int;
    /// `semtimedop(2)`.
    fn semtimedop(set: c_int, operations: *mut sembuf, count: size_t, timeout: *const timespec) -> c_int;
}
