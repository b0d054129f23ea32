//! Which system calls are more than the kernel's, by number.
//!
//! A row names what the hooked function of the same name does, as the kernel would
//! return it: `-errno` for an error. `syscall(2)` is no cancellation point, whatever
//! the function is.

use core::ffi::{c_int, c_uint};

use libc::{clockid_t, id_t, idtype_t, pid_t, rusage, siginfo_t, timespec};

use super::syscall_call::Call;
use super::{
    cpu_time, fork, limits, memory_locks, signal_processes, syscall_clone, syscall_futex,
    syscall_kernel_state, syscall_open, syscall_signals, thread_ids,
};
use crate::ops::{child, control, lives, message_queue, numbers, rights, shut_down};
use crate::sched::{self, park};
use crate::signal::{exec, signalfd};
use crate::sync::futex2;
use crate::sys::membarrier;
use crate::sys::raw::syscall;
use crate::task::green;
use crate::task::word::Cancellation;
use crate::thread::exit;

/// Carries `call` out.
///
/// # Safety
/// The arguments are valid for the system call.
pub unsafe fn run(call: &Call) -> isize {
    let [a, b, c, d, e, _] = call.arguments;
    let fd = a as c_int;
    // SAFETY: as the caller promises.
    let kernel = || unsafe { call.kernel() };
    // SAFETY: as the caller promises.
    unsafe {
        match call.number {
            // One new descriptor.
            libc::SYS_open => syscall_open::open(call, (libc::AT_FDCWD, a), b, c),
            libc::SYS_openat => syscall_open::open(call, (fd, b), c, d),
            libc::SYS_creat => {
                let flags = libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC;
                syscall_open::open(call, (libc::AT_FDCWD, a), flags as usize, b)
            }
            libc::SYS_openat2 => syscall_open::open_as(call, (fd, b), c as _, d),
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
            libc::SYS_clone => syscall_clone::clone(call),
            libc::SYS_clone3 => syscall_clone::clone3(call),
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
            libc::SYS_shutdown => {
                let result = kernel();
                if result == 0 {
                    shut_down::of(fd);
                }
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
            libc::SYS_futex if sched::is_running() => syscall_futex::run(call),
            futex2::SYS_FUTEX_WAKE if sched::is_running() => {
                futex2::wake(a, b, c as i32, d as u32).unwrap_or_else(kernel)
            }
            futex2::SYS_FUTEX_WAIT if sched::is_running() => syscall_futex::wait(call),
            libc::SYS_futex_waitv if sched::is_running() => syscall_futex::wait_any(call),
            futex2::SYS_FUTEX_REQUEUE if sched::is_running() => {
                futex2::requeue(a, b as u32, (c as i32, d as i32)).unwrap_or_else(kernel)
            }
            libc::SYS_rt_sigqueueinfo => signal_processes::perhaps_to_itself(b as c_int, || {
                syscall!(SYS_rt_sigqueueinfo, thread_ids::process_of(a as i32), b, c)
            }),
            libc::SYS_pidfd_send_signal => signal_processes::perhaps_to_itself(b as c_int, kernel),
            number => syscall_signals::run(number, call.arguments).unwrap_or_else(|| {
                let arguments = thread_ids::understood(number, call.arguments);
                syscall_kernel_state::run(number, arguments)
            }),
        }
    }
}
