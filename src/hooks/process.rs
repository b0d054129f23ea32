//! Starting programs, and waiting for child processes.

use core::ffi::{c_char, c_int};

use libc::{
    id_t, idtype_t, pid_t, posix_spawn_file_actions_t, posix_spawnattr_t, rusage, siginfo_t,
};

use super::streams;
use crate::glibc::real::real;
use crate::hub::descriptor;
use crate::ops::child;
use crate::ops::turn::{self, Ends};
use crate::sched::turns;
use crate::signal::cancel;
use crate::sys::errno;
use crate::task::word::Cancellation;

type Spawn = unsafe extern "C-unwind" fn(
    *mut pid_t,
    *const c_char,
    *const posix_spawn_file_actions_t,
    *const posix_spawnattr_t,
    *const *mut c_char,
    *const *mut c_char,
) -> c_int;

type RealWait4 = unsafe extern "C-unwind" fn(pid_t, *mut c_int, c_int, *mut rusage) -> pid_t;
type RealWaitid = unsafe extern "C-unwind" fn(idtype_t, id_t, *mut siginfo_t, c_int) -> c_int;

/// A call of libc's own that does not wait.
fn without_waiting(call: impl FnOnce() -> c_int) -> c_int {
    cancel::point();
    call()
}

/// Starts a program by `call`, which blocks until it has been executed: it gets every open
/// file.
fn start_program<R: Copy>(call: impl Fn() -> R) -> R {
    descriptor::share_all();
    let started = turn::run(&turns::STARTS, Cancellation::Never, Ends::Never, &call);
    descriptor::share_all();
    started.unwrap_or_else(call)
}

export! {
    /// `wait4(2)`.
    unchecked fn wait4(pid: pid_t, status: *mut c_int, options: c_int, usage: *mut rusage) -> pid_t {
        let real = real!(wait4: RealWait4);
        // SAFETY: as the caller promises.
        let call = || unsafe { real(pid, status, options, usage) };
        if options & libc::WNOHANG != 0 {
            return without_waiting(call);
        }
        cancel::point();
        let native = || errno::to_kernel(call() as isize);
        // SAFETY: as the caller promises.
        let result = unsafe {
            child::wait4((pid, status, options, usage), native, Cancellation::Point)
        };
        errno::to_libc(result) as pid_t
    }

    /// `waitpid(2)`.
    fn waitpid(pid: pid_t, status: *mut c_int, options: c_int) -> pid_t {
        // SAFETY: as the caller promises.
        unsafe { wait4(pid, status, options, core::ptr::null_mut()) }
    }

    /// Alias of `waitpid`.
    unchecked fn __waitpid(pid: pid_t, status: *mut c_int, options: c_int) -> pid_t {
        // SAFETY: as the caller promises.
        unsafe { waitpid(pid, status, options) }
    }

    /// `wait(2)`.
    unchecked fn wait(status: *mut c_int) -> pid_t {
        // SAFETY: as the caller promises.
        unsafe { wait4(-1, status, 0, core::ptr::null_mut()) }
    }

    /// `wait3(2)`.
    unchecked fn wait3(status: *mut c_int, options: c_int, usage: *mut rusage) -> pid_t {
        // SAFETY: as the caller promises.
        unsafe { wait4(-1, status, options, usage) }
    }

    /// `waitid(2)`.
    fn waitid(kind: idtype_t, id: id_t, info: *mut siginfo_t, options: c_int) -> c_int {
        let real = real!(waitid: RealWaitid);
        // SAFETY: as the caller promises.
        let call = || unsafe { real(kind, id, info, options) };
        if options & libc::WNOHANG != 0 {
            return without_waiting(call);
        }
        cancel::point();
        let native = || errno::to_kernel(call() as isize);
        // SAFETY: as the caller promises.
        let result = unsafe {
            child::waitid((kind, id, info, options), native, Cancellation::Point)
        };
        errno::to_libc(result) as c_int
    }

    /// `system(3)`: waits for the command.
    fn system(command: *const c_char) -> c_int {
        let real = real!(system: unsafe extern "C-unwind" fn(*const c_char) -> c_int);
        cancel::point();
        // SAFETY: as the caller promises.
        start_program(|| unsafe { real(command) })
    }

    /// `popen(3)`.
    fn popen(command: *const c_char, mode: *const c_char) -> *mut libc::FILE {
        let real = real!(popen: unsafe extern "C-unwind" fn(*const c_char, *const c_char) -> *mut libc::FILE);
        // SAFETY: as the caller promises.
        streams::make(|| start_program(|| unsafe { real(command, mode) }))
    }

    /// `posix_spawn(3)`.
    fn posix_spawn(
        pid: *mut pid_t,
        path: *const c_char,
        actions: *const posix_spawn_file_actions_t,
        attributes: *const posix_spawnattr_t,
        arguments: *const *mut c_char,
        environment: *const *mut c_char,
    ) -> c_int {
        let real = real!(posix_spawn @ "GLIBC_2.15": Spawn);
        // SAFETY: as the caller promises.
        start_program(|| unsafe { real(pid, path, actions, attributes, arguments, environment) })
    }

    /// `posix_spawnp(3)`.
    fn posix_spawnp(
        pid: *mut pid_t,
        file: *const c_char,
        actions: *const posix_spawn_file_actions_t,
        attributes: *const posix_spawnattr_t,
        arguments: *const *mut c_char,
        environment: *const *mut c_char,
    ) -> c_int {
        let real = real!(posix_spawnp @ "GLIBC_2.15": Spawn);
        // SAFETY: as the caller promises.
        start_program(|| unsafe { real(pid, file, actions, attributes, arguments, environment) })
    }
}
