//! Giving way: `sched_yield`.

use core::ffi::c_int;

use crate::sched::park;
use crate::sys::errno;
use crate::sys::raw::syscall;
use crate::task::green;

fn yield_cpu() -> c_int {
    if green().is_some_and(park::yield_now) {
        return 0;
    }
    // Nobody else here: what the caller waits for may be up to another worker, or to
    // another process, whose turn it is then.
    // SAFETY: no arguments.
    errno::to_libc(unsafe { syscall!(SYS_sched_yield) }) as c_int
}

export! {
    /// `sched_yield(2)`.
    fn sched_yield() -> c_int {
        yield_cpu()
    }

    /// Alias of `sched_yield`.
    unchecked fn __sched_yield() -> c_int {
        yield_cpu()
    }

    /// Alias of `sched_yield`.
    unchecked fn pthread_yield() -> c_int {
        yield_cpu()
    }

    /// C11 `thrd_yield`.
    unchecked fn thrd_yield() {
        yield_cpu();
    }
}
