//! Starting programs, and waiting for child processes.

use core::cell::Cell;
use core::ffi::{c_char, c_int};
use core::ptr;

use libc::{
    id_t, idtype_t, pid_t, posix_spawn_file_actions_t, posix_spawnattr_t, rusage, siginfo_t,
};

use super::streams;
use super::symbol::{alias, check};
use crate::glibc::real::real;
use crate::hub::descriptor;
use crate::ops::turn::{self, Ends};
use crate::ops::{child, lives};
use crate::sched::children::makers;
use crate::sched::turns;
use crate::signal::cancel;
use crate::sys::errno;
use crate::task::word::Cancellation;

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

/// Starts a child by `call`, a `posix_spawn`, which writes its id; `pid`: whither the program wants it.
///
/// # Safety
/// As for `call`, with null for nowhere.
unsafe fn spawn(pid: *mut pid_t, call: impl Fn(*mut pid_t) -> c_int) -> c_int {
    makers::begin();
    let child = Cell::new(-1);
    let error = start_program(|| call(child.as_ptr()));
    makers::know(if error == 0 { child.get() } else { -1 });
    if error == 0 && !pid.is_null() {
        // SAFETY: as the caller promises.
        unsafe { pid.write(child.get()) };
    }
    error
}

/// `wait4(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn wait4(
    pid: pid_t,
    status: *mut c_int,
    options: c_int,
    usage: *mut rusage,
) -> pid_t {
    let real = real!(wait4(_, _, _, _));
    // SAFETY: as the caller promises.
    let call = || unsafe { real(pid, status, options, usage) };
    if options & libc::WNOHANG != 0 {
        return without_waiting(call);
    }
    cancel::point();
    let native = || errno::to_kernel(call() as isize);
    // SAFETY: as the caller promises.
    let result =
        unsafe { child::wait4((pid, status, options, usage), native, Cancellation::Point) };
    errno::to_libc(result) as pid_t
}
check!(wait4(_, _, _, _));

/// `waitpid(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn waitpid(pid: pid_t, status: *mut c_int, options: c_int) -> pid_t {
    // SAFETY: as the caller promises.
    unsafe { wait4(pid, status, options, core::ptr::null_mut()) }
}
check!(waitpid(_, _, _));

alias!(__waitpid = waitpid);

/// `wait(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn wait(status: *mut c_int) -> pid_t {
    // SAFETY: as the caller promises.
    unsafe { wait4(-1, status, 0, core::ptr::null_mut()) }
}
check!(wait(_));

/// `wait3(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn wait3(
    status: *mut c_int,
    options: c_int,
    usage: *mut rusage,
) -> pid_t {
    // SAFETY: as the caller promises.
    unsafe { wait4(-1, status, options, usage) }
}

/// `waitid(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn waitid(
    kind: idtype_t,
    id: id_t,
    info: *mut siginfo_t,
    options: c_int,
) -> c_int {
    let real = real!(waitid(_, _, _, _));
    // SAFETY: as the caller promises.
    let call = || unsafe { real(kind, id, info, options) };
    if options & libc::WNOHANG != 0 {
        return without_waiting(call);
    }
    cancel::point();
    let native = || errno::to_kernel(call() as isize);
    let wanted = (kind, id, info, options);
    // SAFETY: as the caller promises.
    let result = unsafe { child::waitid(wanted, ptr::null_mut(), native, Cancellation::Point) };
    errno::to_libc(result) as c_int
}
check!(waitid(_, _, _, _));

/// `system(3)`: waits for the command.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn system(command: *const c_char) -> c_int {
    let real = real!(system(_));
    cancel::point();
    // SAFETY: as the caller promises.
    start_program(|| unsafe { real(command) })
}
check!(system(_));

/// `popen(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn popen(
    command: *const c_char,
    mode: *const c_char,
) -> *mut libc::FILE {
    let real = real!(popen(_, _));
    streams::make(|| {
        // Which child it is nobody says.
        makers::begin();
        // SAFETY: as the caller promises.
        start_program(|| unsafe { real(command, mode) })
    })
}
check!(popen(_, _));

/// `posix_spawn(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn posix_spawn(
    pid: *mut pid_t,
    path: *const c_char,
    actions: *const posix_spawn_file_actions_t,
    attributes: *const posix_spawnattr_t,
    arguments: *const *mut c_char,
    environment: *const *mut c_char,
) -> c_int {
    let real = real!(posix_spawn @ "GLIBC_2.15" (_, _, _, _, _, _));
    // SAFETY: as the caller promises.
    unsafe {
        spawn(pid, |pid| {
            real(pid, path, actions, attributes, arguments, environment)
        })
    }
}
check!(posix_spawn(_, _, _, _, _, _));

/// `posix_spawnp(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn posix_spawnp(
    pid: *mut pid_t,
    file: *const c_char,
    actions: *const posix_spawn_file_actions_t,
    attributes: *const posix_spawnattr_t,
    arguments: *const *mut c_char,
    environment: *const *mut c_char,
) -> c_int {
    let real = real!(posix_spawnp @ "GLIBC_2.15" (_, _, _, _, _, _));
    // SAFETY: as the caller promises.
    unsafe {
        spawn(pid, |pid| {
            real(pid, file, actions, attributes, arguments, environment)
        })
    }
}
check!(posix_spawnp(_, _, _, _, _, _));

/// `pidfd_spawn(3)`, of glibc 2.39 on: [`posix_spawn`] with a descriptor of the child.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pidfd_spawn(
    descriptor: *mut c_int,
    path: *const c_char,
    actions: *const posix_spawn_file_actions_t,
    attributes: *const posix_spawnattr_t,
    arguments: *const *mut c_char,
    environment: *const *mut c_char,
) -> c_int {
    let real = real!(pidfd_spawn(_, _, _, _, _, _));
    // SAFETY: as the caller promises; written by the call.
    unsafe {
        let call = || {
            real(
                descriptor,
                path,
                actions,
                attributes,
                arguments,
                environment,
            )
        };
        begin_life(start_program(call), descriptor)
    }
}

/// `pidfd_spawnp(3)`, likewise of [`posix_spawnp`].
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pidfd_spawnp(
    descriptor: *mut c_int,
    file: *const c_char,
    actions: *const posix_spawn_file_actions_t,
    attributes: *const posix_spawnattr_t,
    arguments: *const *mut c_char,
    environment: *const *mut c_char,
) -> c_int {
    let real = real!(pidfd_spawnp(_, _, _, _, _, _));
    // SAFETY: as the caller promises; written by the call.
    unsafe {
        let call = || {
            real(
                descriptor,
                file,
                actions,
                attributes,
                arguments,
                environment,
            )
        };
        begin_life(start_program(call), descriptor)
    }
}

/// The life of the descriptor that a call has made if it has returned `error` 0.
///
/// # Safety
/// Then it has written it.
unsafe fn begin_life(error: c_int, descriptor: *const c_int) -> c_int {
    if error == 0 {
        // SAFETY: as the caller promises.
        lives::adopt(unsafe { descriptor.read() });
    }
    error
}
