//! Which system calls are more than the kernel's, by number.
//!
//! A row names what the hooked function of the same name does, as the kernel would
//! return it: `-errno` for an error. `syscall(2)` is no cancellation point, whatever
//! the function is.

use core::ffi::{c_char, c_int, c_uint};

use libc::{clockid_t, id_t, idtype_t, open_how, pid_t, rusage, siginfo_t, timespec};

use super::syscall_call::Call;
use super::{
    cpu_time, fork, limits, memory_locks, syscall_kernel_state, syscall_signals, thread_ids,
};
use crate::ops::attempts::{self, Manner};
use crate::ops::turn::Ends;
use crate::ops::{child, control, lives, message_queue, numbers, open, rights};
use crate::sched::{self, blocking, park};
use crate::signal::{actions, exec, signalfd};
use crate::sync::{futex, futex2};
use crate::sys::clock::NEVER;
use crate::sys::{membarrier, user};
use crate::task::word::Cancellation;
use crate::task::{arguments, green};
use crate::thread::exit;

/// Carries `call` out.
///
/// # Safety
/// The arguments are valid for the system call.
pub unsafe fn run(call: &Call) -> isize {
    let [a, b, c, d, e, f] = call.arguments;
    let fd = a as c_int;
    // SAFETY: as the caller promises.
    let kernel = || unsafe { call.kernel() };
    // SAFETY: as the caller promises.
    unsafe {
        match call.number {
            // One new descriptor.
            libc::SYS_open => open(call, (libc::AT_FDCWD, a), b, c),
            libc::SYS_openat => open(call, (fd, b), c, d),
            libc::SYS_creat => {
                let flags = libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC;
                open(call, (libc::AT_FDCWD, a), flags as usize, b)
            }
            libc::SYS_openat2 => open_as(call, (fd, b), c as _, d),
            libc::SYS_socket
            | libc::SYS_epoll_create
            | libc::SYS_epoll_create1
            | libc::SYS_eventfd
            | libc::SYS_eventfd2
            | libc::SYS_timerfd_create
            | libc::SYS_inotify_init
            | libc::SYS_inotify_init1
            | libc::SYS_memfd_create
            | libc::SYS_pidfd_open => lives::make(kernel),
            libc::SYS_signalfd | libc::SYS_signalfd4 => {
                signalfd::made();
                if fd == -1 {
                    lives::make(kernel)
                } else {
                    kernel()
                }
            }
            libc::SYS_accept | libc::SYS_accept4 => {
                lives::contend(fd);
                lives::make(kernel)
            }
            // Two.
            libc::SYS_pipe | libc::SYS_pipe2 => lives::make_pair(kernel, a as *const c_int),
            libc::SYS_socketpair => lives::make_pair(kernel, d as *const c_int),
            // Numbers.
            libc::SYS_close => numbers::close(fd),
            libc::SYS_close_range => numbers::close_range(a as c_uint, b as c_uint, c as c_uint),
            libc::SYS_dup => numbers::dup(fd),
            libc::SYS_dup2 => numbers::dup2(fd, b as c_int),
            libc::SYS_dup3 => numbers::dup3(fd, b as c_int, c as c_int),
            libc::SYS_fcntl => {
                let ends = Cancellation::Never;
                control::control(fd, b as c_int, c, ends, kernel, |error| error)
            }
            libc::SYS_ioctl => control::device_control(fd, b, c),
            libc::SYS_prlimit64 => limits::exchange(a as c_int, b as c_uint, c as _, d as _),
            libc::SYS_setrlimit => limits::exchange(0, a as c_uint, b as _, core::ptr::null_mut()),
            libc::SYS_getrlimit => limits::exchange(0, a as c_uint, core::ptr::null(), b as _),
            libc::SYS_unshare => numbers::unshare(a as c_int),
            libc::SYS_exit => exit::at_once(a as c_int),
            // Processes. (A child of `vfork` would return from here twice.)
            libc::SYS_fork => fork::without_handlers(false, kernel),
            libc::SYS_vfork => {
                let call = Call {
                    number: libc::SYS_fork,
                    ..*call
                };
                fork::without_handlers(false, || call.kernel())
            }
            libc::SYS_clone => match copies(a as u64, b as u64) {
                Some(shares_files) => fork::without_handlers(shares_files, kernel),
                None => kernel(),
            },
            libc::SYS_clone3 => match clone3_copies(a, b) {
                Some((shares_files, clears_handlers)) => {
                    fork::without_handlers(shares_files, || match kernel() {
                        0 if clears_handlers => {
                            actions::forget_handlers();
                            0
                        }
                        result => result,
                    })
                }
                None => kernel(),
            },
            libc::SYS_wait4 if c as c_int & libc::WNOHANG == 0 => {
                let wanted = (a as pid_t, b as *mut c_int, c as c_int, d as *mut rusage);
                child::wait4(wanted, kernel, Cancellation::Never)
            }
            libc::SYS_waitid if d as c_int & libc::WNOHANG == 0 => {
                let wanted = (a as idtype_t, b as id_t, c as *mut siginfo_t, d as c_int);
                child::waitid(wanted, e as *mut rusage, kernel, Cancellation::Never)
            }
            libc::SYS_execve | libc::SYS_execveat => exec::across(kernel),
            libc::SYS_mq_notify => {
                if b != 0 {
                    message_queue::before_notify();
                }
                kernel()
            }
            // Options, and descriptors that travel.
            libc::SYS_setsockopt => {
                let result = kernel();
                control::option_set(fd, b as c_int, c as c_int);
                result
            }
            libc::SYS_sendmsg => {
                let result = kernel();
                if result >= 0 {
                    rights::share(&*(b as *const libc::msghdr));
                }
                result
            }
            libc::SYS_recvmsg => {
                let result = kernel();
                if result >= 0 {
                    rights::adopt(&*(b as *const libc::msghdr));
                }
                result
            }
            libc::SYS_sendmmsg => {
                let result = kernel();
                rights::share_all(b as *const libc::mmsghdr, result);
                result
            }
            libc::SYS_recvmmsg => {
                let result = kernel();
                rights::adopt_all(b as *const libc::mmsghdr, result);
                result
            }
            // The calling thread.
            libc::SYS_gettid => super::thread_ids::gettid() as isize,
            libc::SYS_clock_gettime => {
                cpu_time::gettime(a as clockid_t, b as *mut timespec).unwrap_or_else(kernel)
            }
            libc::SYS_getrusage if a as c_int == libc::RUSAGE_THREAD => {
                let result = kernel();
                if result == 0 {
                    cpu_time::adjust(&mut *(b as *mut rusage));
                }
                result
            }
            libc::SYS_prctl => super::attributes::control(call.arguments),
            libc::SYS_sched_yield if green().is_some_and(park::yield_now) => 0,
            libc::SYS_membarrier => membarrier::by_program(a as c_int, kernel),
            libc::SYS_mlockall => memory_locks::lock(a as c_int, kernel),
            libc::SYS_munlockall => memory_locks::unlock(kernel),
            libc::SYS_futex if sched::is_running() => {
                let call = futex::Call {
                    word: a,
                    operation: b as i32,
                    value: c as u32,
                    fourth: d,
                    second: e,
                    third_value: f as u32,
                };
                match call.run() {
                    Some(result) => result,
                    None => kernels_futex(&call, kernel),
                }
            }
            futex2::SYS_FUTEX_WAKE if sched::is_running() => {
                futex2::wake(a, b, c as i32, d as u32).unwrap_or_else(kernel)
            }
            futex2::SYS_FUTEX_WAIT if sched::is_running() => {
                futex2::wait(call.arguments).unwrap_or_else(|| blocking::region(kernel))
            }
            futex2::SYS_FUTEX_REQUEUE if sched::is_running() => {
                futex2::requeue(a, b as u32, (c as i32, d as i32)).unwrap_or_else(kernel)
            }
            libc::SYS_futex_waitv => blocking::region(kernel),
            number => syscall_signals::run(number, call.arguments).unwrap_or_else(|| {
                let arguments = thread_ids::understood(number, call.arguments);
                syscall_kernel_state::run(number, arguments)
            }),
        }
    }
}

/// `call`, which opens the file of that directory and name.
///
/// # Safety
/// As for `openat`.
unsafe fn open(call: &Call, (directory, path): (c_int, usize), flags: usize, mode: usize) -> isize {
    let request = open::Request {
        directory,
        path: path as *const c_char,
        flags: flags as c_int,
        mode: mode as libc::mode_t,
        resolution: None,
    };
    // SAFETY: as the caller promises.
    unsafe { make(call, &request) }
}

/// `call`, an `openat2` of the file of that directory and name, with `how` of that size in bytes.
///
/// # Safety
/// As for `openat2`.
unsafe fn open_as(
    call: &Call,
    (directory, path): (c_int, usize),
    how: *const open_how,
    size: usize,
) -> isize {
    // SAFETY: as the caller promises.
    let kernel = || unsafe { call.kernel() };
    if size != size_of::<open_how>() || !arguments::is_readable(how) {
        return lives::make(kernel);
    }
    // SAFETY: just seen.
    let how = unsafe { how.read_unaligned() };
    let (flags, mode) = (c_int::try_from(how.flags), libc::mode_t::try_from(how.mode));
    let (Ok(flags), Ok(mode)) = (flags, mode) else {
        return lives::make(kernel);
    };
    if mode != 0 && flags & libc::O_CREAT == 0 {
        return lives::make(kernel);
    }
    let request = open::Request {
        directory,
        path: path as *const c_char,
        flags,
        mode,
        resolution: Some(how.resolve),
    };
    // SAFETY: as the caller promises.
    unsafe { make(call, &request) }
}

/// `call`, which is that `request`.
///
/// # Safety
/// As for `openat`.
unsafe fn make(call: &Call, request: &open::Request) -> isize {
    // SAFETY: as the caller promises.
    let kernel = || unsafe { call.kernel() };
    lives::make(|| match green() {
        // SAFETY: as the caller promises.
        Some(me) => unsafe { request.run(me, Cancellation::Never, kernel) },
        None => kernel(),
    })
}

/// Of a `clone` by number that makes a process like `fork` does: whether that shares its
/// descriptors with the caller. `None` for all others, which are the kernel's affair.
fn copies(flags: u64, stack: u64) -> Option<bool> {
    let has = |flag: c_int| flags & flag as u64 != 0;
    (!has(libc::CLONE_VM) && stack == 0).then(|| has(libc::CLONE_FILES))
}

/// [`copies`] for `clone3`, whose arguments take `size` bytes, and whether the child has none of its
/// parent's handlers.
///
/// # Safety
/// `arguments` leads nowhere, or can be read.
unsafe fn clone3_copies(arguments: usize, size: usize) -> Option<(bool, bool)> {
    // <linux/sched.h>; too large for the libc crate's type of flags.
    const CLONE_CLEAR_SIGHAND: u64 = 1 << 32;
    // struct clone_args: the flags come first, the stack sixth.
    let arguments = arguments as *const [u64; 6];
    if size < size_of::<[u64; 6]>() || !user::is_readable(arguments) {
        return None;
    }
    // SAFETY: just seen.
    let [flags, .., stack] = unsafe { arguments.read_unaligned() };
    copies(flags, stack).map(|shares_files| (shares_files, flags & CLONE_CLEAR_SIGHAND != 0))
}

/// An operation on a futex that is the kernel's affair. Where the caller must not block its kernel
/// thread a wait ends for nothing instead, as any may (futex(2)).
///
/// # Safety
/// As for `futex`.
unsafe fn kernels_futex(call: &futex::Call, kernel: impl FnOnce() -> isize) -> isize {
    // SAFETY: as the caller promises.
    let deadline = match unsafe { call.deadline_in_kernel() } {
        Some(deadline) if !blocking::await_successor() => deadline,
        _ => return blocking::region(kernel),
    };
    let mut looks = 0;
    let attempt = || {
        looks += 1;
        match call.is_unchanged() {
            false if looks == 1 => Some(-(libc::EAGAIN as isize)),
            true if looks <= attempts::BEFORE_WAKING_FOR_NOTHING => None,
            _ => Some(0),
        }
    };
    let manner = Manner {
        cancellation: Cancellation::Asynchronous,
        ends: match deadline {
            NEVER => Ends::UnlessRestarted,
            _ => Ends::Always,
        },
        deadline,
    };
    let fail = |error: c_int| move || -(error as isize);
    let (ended, expired) = (fail(libc::EINTR), fail(libc::ETIMEDOUT));
    attempts::or_block(manner, attempt, ended, expired, kernel)
}
