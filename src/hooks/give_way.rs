//! Giving way: `sched_yield`.

use core::ffi::c_int;

use super::symbol::{alias, check};
use crate::sched::park;
use crate::signal::cancel;
use crate::sys::errno;
use crate::sys::raw::syscall;
use crate::task::green;

fn yield_cpu() -> c_int {
    if let Some(me) = green() {
        let gave_way = park::yield_now(me);
        // Who does nothing else is met in here by every request.
        cancel::anywhere();
        if gave_way {
            return 0;
        }
    }
    // Nobody else here: what the caller waits for may be up to another worker, or to
    // another process, whose turn it is then.
    // SAFETY: no arguments.
    errno::to_libc(unsafe { syscall!(SYS_sched_yield) }) as c_int
}

/// `sched_yield(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sched_yield() -> c_int {
    yield_cpu()
}
check!(sched_yield());

alias!(__sched_yield = sched_yield);

alias!(pthread_yield = sched_yield);

/// C11 `thrd_yield`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn thrd_yield() {
    yield_cpu();
}
