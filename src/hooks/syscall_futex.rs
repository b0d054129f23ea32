//! `futex(2)` by number, and the newer calls that wait.

use core::ffi::c_int;

use libc::{clockid_t, timespec};

use super::syscall_call::Call;
use super::syscall_changes::change;
use crate::ops::attempts::{self, Manner};
use crate::ops::turn::Ends;
use crate::sched::{blocking, kernel_state};
use crate::sync::{futex_call, futex_waitv, futex2, time};
use crate::sys::clock::{self, Instant, NEVER};
use crate::task::word::Cancellation;

/// Carries `call` out.
///
/// # Safety
/// As for the system call.
pub(super) unsafe fn run(call: &Call) -> isize {
    let [word, operation, value, fourth, second, third_value] = call.arguments;
    let futex = futex_call::Call {
        word,
        operation: operation as i32,
        value: value as u32,
        fourth,
        second,
        third_value: third_value as u32,
    };
    // SAFETY: as the caller promises.
    unsafe {
        match futex.run() {
            Some(result) => result,
            None => {
                if let Some(change) = change(libc::SYS_futex, &call.arguments) {
                    kernel_state::before(change);
                }
                kernels_futex(&futex, || call.kernel())
            }
        }
    }
}

/// `futex_wait`.
///
/// # Safety
/// As for the system call.
pub(super) unsafe fn wait(call: &Call) -> isize {
    // SAFETY: as the caller promises.
    unsafe { futex2::wait(call.arguments).unwrap_or_else(|| kernels_wait(call, 4)) }
}

/// `futex_waitv`.
///
/// # Safety
/// As for the system call.
pub(super) unsafe fn wait_any(call: &Call) -> isize {
    // SAFETY: as the caller promises.
    unsafe { futex_waitv::wait(call.arguments).unwrap_or_else(|| kernels_wait(call, 3)) }
}

/// One of these two that is the kernel's affair. That argument is its time limit, the next one that one's clock.
///
/// # Safety
/// As for the system call.
unsafe fn kernels_wait(call: &Call, limit: usize) -> isize {
    let (place, clock) = (call.arguments[limit], call.arguments[limit + 1]);
    // SAFETY: as the caller promises.
    let kernel = || unsafe { call.kernel() };
    // SAFETY: as above.
    let deadline = unsafe { time::futex_deadline(clock as clockid_t, place as *const timespec) };
    let deadline = match deadline {
        Some(deadline) if !blocking::await_successor() => deadline,
        _ => return blocking::region(kernel),
    };
    // The call only looks if its time is over.
    let over = clock::to_timespec(0);
    let mut look = *call;
    look.arguments[limit] = (&raw const over).expose_provenance();
    look.arguments[limit + 1] = libc::CLOCK_MONOTONIC as usize;
    let is_unchanged = || {
        // SAFETY: as the caller promises.
        let result = unsafe { look.kernel() };
        (result != -(libc::ETIMEDOUT as isize)).then_some(result)
    };
    looking(deadline, Ends::UnlessRestarted, is_unchanged, kernel)
}

/// An operation on a futex that is the kernel's affair. Where the caller must not block its kernel
/// thread a wait ends for nothing instead, as any may (futex(2)).
///
/// # Safety
/// As for `futex`.
unsafe fn kernels_futex(call: &futex_call::Call, kernel: impl FnOnce() -> isize) -> isize {
    // SAFETY: as the caller promises.
    let deadline = match unsafe { call.deadline_in_kernel() } {
        Some(deadline) if !blocking::await_successor() => deadline,
        _ => return blocking::region(kernel),
    };
    let ends = match deadline {
        NEVER => Ends::UnlessRestarted,
        _ => Ends::Always,
    };
    let look = || (!call.is_unchanged()).then_some(-(libc::EAGAIN as isize));
    looking(deadline, ends, look, kernel)
}

/// A wait on a futex by looks now and then, and in the kernel as soon as the caller may block its kernel thread.
/// `look` gives what the call results in where there is nothing to wait for; later on that wakes for nothing.
fn looking(
    deadline: Instant,
    ends: Ends,
    mut look: impl FnMut() -> Option<isize>,
    kernel: impl FnOnce() -> isize,
) -> isize {
    let mut looks = 0;
    let attempt = || {
        looks += 1;
        match look() {
            Some(result) if looks == 1 => Some(result),
            None if looks <= attempts::BEFORE_WAKING_FOR_NOTHING => None,
            _ => Some(0),
        }
    };
    let manner = Manner {
        cancellation: Cancellation::Asynchronous,
        ends,
        deadline,
    };
    let fail = |error: c_int| move || -(error as isize);
    let (ended, expired) = (fail(libc::EINTR), fail(libc::ETIMEDOUT));
    attempts::or_block(manner, attempt, ended, expired, kernel)
}
