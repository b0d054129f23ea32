//! Waiting for child processes.

use core::ffi::{c_char, c_int};

use libc::{id_t, idtype_t, pid_t, rusage, siginfo_t};

use crate::sched::blocking;
use crate::sys::real::real;
use crate::thread::cancel;

/// Runs `call` at once if it must not wait or need not, else in a region.
fn wait_for_child<R: Copy>(no_hang: bool, call: impl Fn() -> R) -> R {
    cancel::point();
    if no_hang {
        call()
    } else {
        blocking::region(call)
    }
}

export! {
    /// `wait4(2)`.
    unchecked fn wait4(pid: pid_t, status: *mut c_int, options: c_int, usage: *mut rusage) -> pid_t {
        let real = real!(wait4: unsafe extern "C-unwind" fn(pid_t, *mut c_int, c_int, *mut rusage) -> pid_t);
        // SAFETY: as the caller promises.
        wait_for_child(options & libc::WNOHANG != 0, || unsafe { real(pid, status, options, usage) })
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
        let real = real!(waitid: unsafe extern "C-unwind" fn(idtype_t, id_t, *mut siginfo_t, c_int) -> c_int);
        // SAFETY: as the caller promises.
        wait_for_child(options & libc::WNOHANG != 0, || unsafe { real(kind, id, info, options) })
    }

    /// `system(3)`: waits for the command.
    fn system(command: *const c_char) -> c_int {
        let real = real!(system: unsafe extern "C-unwind" fn(*const c_char) -> c_int);
        // SAFETY: as the caller promises.
        wait_for_child(false, || unsafe { real(command) })
    }
}
