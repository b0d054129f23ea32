//! `fork` and `vfork`.

use core::ffi::{c_int, c_void};
use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering};

use libc::pid_t;

use crate::hub::descriptor;
use crate::sched::runtime;
use crate::sys::real::real;

/// What glibc calls around a fork.
type Handler = Option<unsafe extern "C" fn()>;
type RealRegister = unsafe extern "C" fn(Handler, Handler, Handler, *mut c_void) -> c_int;

static REGISTERED: AtomicBool = AtomicBool::new(false);

/// Makes the child's state that of a process with one thread.
unsafe extern "C" fn in_child() {
    // SAFETY: a forked child has one thread.
    unsafe { runtime::reset_in_child() };
}

/// Has [`in_child`] run before the program's own handlers of `pthread_atfork`, which
/// come in the order of registration: they unlock mutexes, and must not hand them to
/// waiters who do not exist in the child.
pub fn register_first() {
    if !REGISTERED.swap(true, Ordering::Relaxed) {
        let real = real!(__register_atfork: RealRegister);
        // SAFETY: a function of that type, for the life of the process.
        unsafe { real(None, None, Some(in_child), ptr::null_mut()) };
    }
}

/// After a fork that runs no handlers; `child` is what it has returned.
fn forked(child: pid_t) -> pid_t {
    if child == 0 {
        // SAFETY: a forked child has one thread.
        unsafe { in_child() };
    }
    child
}

export! {
    /// What `pthread_atfork(3)` calls (glibc, nptl/pthread_atfork.c). Constructors
    /// of other libraries may come here before our own.
    unchecked fn __register_atfork(prepare: Handler, parent: Handler, child: Handler, object: *mut c_void) -> c_int {
        register_first();
        let real = real!(__register_atfork: RealRegister);
        // SAFETY: as the caller promises.
        unsafe { real(prepare, parent, child, object) }
    }

    /// `fork(2)`, with glibc's `pthread_atfork` handlers.
    fn fork() -> pid_t {
        descriptor::share_all();
        let real = real!(fork: unsafe extern "C" fn() -> pid_t);
        // SAFETY: no preconditions.
        unsafe { real() }
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
