//! `fork` and `vfork`.

use libc::pid_t;

use crate::hub::descriptor;
use crate::sched::runtime;
use crate::sys::real::real;

/// Makes the child's state that of a process with one thread; `child` is what
/// the fork has returned.
fn forked(child: pid_t) -> pid_t {
    if child == 0 {
        // SAFETY: a forked child has one thread.
        unsafe { runtime::reset_in_child() };
    }
    child
}

export! {
    /// `fork(2)`, with glibc's `pthread_atfork` handlers.
    fn fork() -> pid_t {
        descriptor::share_all();
        let real = real!(fork: unsafe extern "C" fn() -> pid_t);
        // SAFETY: no preconditions.
        forked(unsafe { real() })
    }

    /// glibc's fork without handlers; async-signal-safe.
    unchecked fn _Fork() -> pid_t {
        descriptor::share_all();
        let real = real!(_Fork: unsafe extern "C" fn() -> pid_t);
        // SAFETY: no preconditions.
        forked(unsafe { real() })
    }

    /// `vfork(2)`: a child that shared this process's memory would share the
    /// hub, too, and a call of a hook would change both; so it gets a copy.
    unchecked fn vfork() -> pid_t {
        // SAFETY: no preconditions.
        unsafe { _Fork() }
    }

    /// Alias of `vfork`.
    unchecked fn __vfork() -> pid_t {
        // SAFETY: no preconditions.
        unsafe { _Fork() }
    }

    /// Alias of `fork`.
    unchecked fn __fork() -> pid_t {
        // SAFETY: no preconditions.
        unsafe { fork() }
    }

    /// Alias of `fork`.
    unchecked fn __libc_fork() -> pid_t {
        // SAFETY: no preconditions.
        unsafe { fork() }
    }
}
