//! What a thread is scheduled by: its CPUs, its policy, its priority.
//!
//! glibc asks the kernel about the thread whose id the TCB holds; the kernel does not know
//! the ids of green threads.

use core::ffi::c_int;

use libc::{cpu_set_t, pthread_t, sched_param};

use super::symbol::check;
use super::syscall_kernel_state::run_for;
use crate::glibc::real::real;
use crate::glibc::tcb;
use crate::sched;
use crate::task::{Thread, green_of_pthread, of_pthread};
use crate::thread::scheduling::{self, Scheduling};

/// The kernel has changed the scheduling of `thread`, which it knows, and of the threads that
/// this one creates.
fn changed(thread: &Thread) {
    if sched::is_running() {
        thread.set_distinct();
    }
}

/// Beside green threads: the kernel's id of the thread that `id` names, which is not green.
///
/// # Safety
/// `id` is 0, or a thread that may still be joined.
unsafe fn known_to_kernel(id: pthread_t) -> Option<c_int> {
    if id == 0 || !sched::is_running() {
        return None;
    }
    // SAFETY: as the caller promises.
    Some(unsafe { tcb::kernel_id(id) }).filter(|&id| id > 0)
}

/// The kernel's result as an error number, or 0.
fn error(result: isize) -> c_int {
    result.min(0).unsigned_abs() as c_int
}

/// `pthread_getaffinity_np(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_getaffinity_np(
    id: pthread_t,
    size: usize,
    set: *mut cpu_set_t,
) -> c_int {
    // SAFETY: as the caller promises.
    let Some(thread) = (unsafe { green_of_pthread(id) }) else {
        let real = real!(pthread_getaffinity_np(_, _, _));
        // SAFETY: as the caller promises.
        return unsafe { real(id, size, set) };
    };
    let arguments = [0, size.min(c_int::MAX as usize), set.addr(), 0, 0, 0];
    // SAFETY: as the caller promises.
    match unsafe { run_for(thread, libc::SYS_sched_getaffinity, arguments) } {
        result @ ..0 => error(result),
        written => {
            let written = written as usize;
            // SAFETY: as the caller promises: `size` bytes. glibc clears what the kernel
            // leaves.
            unsafe { set.cast::<u8>().add(written).write_bytes(0, size - written) };
            0
        }
    }
}
check!(pthread_getaffinity_np(_, _, _));

/// `pthread_setaffinity_np(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_setaffinity_np(
    id: pthread_t,
    size: usize,
    set: *const cpu_set_t,
) -> c_int {
    let real = real!(pthread_setaffinity_np(_, _, _));
    // SAFETY: as the caller promises.
    unsafe {
        if let Some(thread) = green_of_pthread(id) {
            return error(run_for(
                thread,
                libc::SYS_sched_setaffinity,
                [0, size, set.addr(), 0, 0, 0],
            ));
        }
        let result = real(id, size, set);
        if result == 0 {
            changed(of_pthread(id));
        }
        result
    }
}
check!(pthread_setaffinity_np(_, _, _));

/// `pthread_getschedparam(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_getschedparam(
    id: pthread_t,
    policy: *mut c_int,
    parameters: *mut sched_param,
) -> c_int {
    // SAFETY: as the caller promises.
    let answer = match unsafe { green_of_pthread(id) } {
        Some(thread) => scheduling::of(thread),
        // glibc remembers what it has been told of the creator, or of a creator's husk.
        // SAFETY: as the caller promises.
        None => match unsafe { known_to_kernel(id) } {
            Some(kernel_id) => scheduling::of_kernel_thread(kernel_id),
            None => {
                let real = real!(pthread_getschedparam(_, _, _));
                // SAFETY: as the caller promises.
                return unsafe { real(id, policy, parameters) };
            }
        },
    };
    match answer {
        Ok(scheduling) => {
            // SAFETY: as the caller promises.
            unsafe {
                policy.write(scheduling.policy);
                (*parameters).sched_priority = scheduling.priority;
            }
            0
        }
        Err(error) => error,
    }
}
check!(pthread_getschedparam(_, _, _));

/// `pthread_setschedparam(3)`: a thread that gives itself another policy
/// gets a kernel thread to itself.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_setschedparam(
    id: pthread_t,
    policy: c_int,
    parameters: *const sched_param,
) -> c_int {
    // SAFETY: as the caller promises.
    let (thread, priority) = unsafe { (green_of_pthread(id), (*parameters).sched_priority) };
    let wanted = Scheduling { policy, priority };
    if let Some(thread) = thread {
        return scheduling::set(thread, wanted);
    }
    let real = real!(pthread_setschedparam(_, _, _));
    // SAFETY: as the caller promises.
    let result = unsafe { real(id, policy, parameters) };
    if result == 0 {
        // SAFETY: as the caller promises; libc knows it.
        let thread = unsafe { of_pthread(id) };
        changed(thread);
        thread.set_rank(wanted.rank());
    }
    result
}
check!(pthread_setschedparam(_, _, _));

/// `pthread_setschedprio(3)`: the priority alone.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_setschedprio(id: pthread_t, priority: c_int) -> c_int {
    // SAFETY: as the caller promises.
    if let Some(thread) = unsafe { green_of_pthread(id) } {
        return match scheduling::of(thread) {
            Ok(now) => scheduling::set(thread, Scheduling { priority, ..now }),
            Err(error) => error,
        };
    }
    let real = real!(pthread_setschedprio(_, _));
    // SAFETY: as the caller promises.
    let result = unsafe { real(id, priority) };
    if result == 0 {
        // SAFETY: as the caller promises; libc knows it.
        let thread = unsafe { of_pthread(id) };
        changed(thread);
        thread.set_rank(u8::try_from(priority).unwrap_or(0));
    }
    result
}
check!(pthread_setschedprio(_, _));
