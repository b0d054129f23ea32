//! Threads that have to be kernel threads: their creator asks for a scheduling
//! policy, for CPUs, or for a stack of its own.

use core::ffi::c_void;
use core::mem::size_of;

use libc::{pthread_attr_t, pthread_t};

use super::entry::protected_call;
use super::{StartRoutine, current, exit};
use crate::sched::kernel_thread::real_pthread_create;

/// What the new thread is to do.
struct Task {
    start: StartRoutine,
    argument: *mut c_void,
}

/// The real `pthread_create`: 0 or an error number.
///
/// # Safety
/// As for `pthread_create`.
pub unsafe fn create(
    id: *mut pthread_t,
    attributes: *const pthread_attr_t,
    start: StartRoutine,
    argument: *mut c_void,
) -> i32 {
    // SAFETY: malloc; the new thread frees it.
    let task = unsafe { libc::malloc(size_of::<Task>()) }.cast::<Task>();
    if task.is_null() {
        return libc::EAGAIN;
    }
    // SAFETY: fresh memory of the right size.
    unsafe { task.write(Task { start, argument }) };
    exit::count_in();
    // SAFETY: as the caller promises.
    let result = unsafe { real_pthread_create()(id, attributes, run, task.cast()) };
    if result != 0 {
        exit::uncount();
        // SAFETY: no thread has got it.
        unsafe { libc::free(task.cast()) };
    }
    result
}

extern "C" fn run(task: *mut c_void) -> *mut c_void {
    // SAFETY: from `create`.
    let Task { start, argument } = unsafe { task.cast::<Task>().read() };
    // SAFETY: malloc'ed by `create`.
    unsafe { libc::free(task) };
    let me = current();
    me.result.set(exit::CANCELED);
    // SAFETY: `start` takes one argument.
    let outcome = unsafe { protected_call(start as *const c_void, argument as usize, 0, 0) };
    // glibc would run them later, when the process may have ended here.
    exit::run_destructors();
    exit::count_out();
    if outcome.unwound == 0 {
        outcome.result
    } else {
        me.result.get()
    }
}
