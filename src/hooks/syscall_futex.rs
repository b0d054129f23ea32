//! `futex(2)` by number.

use core::ffi::c_int;

use super::syscall_call::Call;
use crate::ops::attempts::{self, Manner};
use crate::ops::turn::Ends;
use crate::sched::blocking;
use crate::sync::futex_call;
use crate::sys::clock::NEVER;
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
            None => kernels_futex(&futex, || call.kernel()),
        }
    }
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
