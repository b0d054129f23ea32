//! Threads that have to be kernel threads: their creator asks for a scheduling
//! policy, for CPUs, or for a stack of its own, or has something that they inherit.

use core::ffi::c_void;
use core::mem::{self, size_of};
use core::ptr;
use core::sync::atomic::{AtomicU32, Ordering};

use libc::{pthread_attr_t, pthread_t};

use super::{attributes, exit, join, pool, scheduling};
use crate::arch::entry::protected_call;
use crate::sched::kernel_thread::{self, real_pthread_create};
use crate::sched::{self, idle};
use crate::sys::futex;
use crate::sys::raw::syscall;
use crate::task::{Critical, Kind, StartRoutine, current};

/// What the new thread is to do.
pub struct Task {
    start: StartRoutine,
    argument: *mut c_void,
    /// The creator's, if its kernel thread has another.
    name: Option<[u8; 16]>,
    /// Where the creator waits until the thread is called that, if it does.
    is_named: *const AtomicU32,
    /// Whether the creator has descriptors of its own.
    apart: bool,
    /// Whether its kernel thread has what the threads that it creates inherit.
    distinct: bool,
}

impl Task {
    /// A task for a thread of the caller's.
    pub fn new(start: StartRoutine, argument: *mut c_void, distinct: bool) -> Self {
        let me = current();
        Self {
            start,
            argument,
            name: kernel_thread::differs_in_name(me).then(|| attributes::name_of(me)),
            is_named: ptr::null(),
            apart: me.is_apart(),
            distinct,
        }
    }
}

/// The real `pthread_create`: 0 or an error number.
///
/// # Safety
/// As for `pthread_create`.
pub unsafe fn create(id: *mut pthread_t, attributes: *const pthread_attr_t, mut task: Task) -> i32 {
    // Or who gives it another name from here on might be the faster one.
    let is_named = AtomicU32::new(u32::from(task.name.is_none()));
    task.is_named = &raw const is_named;
    // SAFETY: malloc; the new thread frees it.
    let place = unsafe { libc::malloc(size_of::<Task>()) }.cast::<Task>();
    if place.is_null() {
        return libc::EAGAIN;
    }
    // SAFETY: fresh memory of the right size.
    unsafe { place.write(task) };
    exit::count_in();
    // SAFETY: as the caller promises.
    let start = || unsafe { real_pthread_create()(id, attributes, run, place.cast()) };
    let mut result = start();
    if result == libc::EAGAIN && make_room() {
        result = start();
    }
    if result != 0 {
        exit::uncount();
        // SAFETY: no thread has got it.
        unsafe { libc::free(place.cast()) };
        return result;
    }
    while is_named.load(Ordering::Acquire) == 0 {
        futex::wait(&is_named, 0);
    }
    0
}

/// Gives back what libgreen has that nobody needs now, and that natively would not be there: stacks, kernel
/// threads. Whether there was any.
fn make_room() -> bool {
    let _critical = Critical::enter();
    pool::hollow_all() | idle::make_room()
}

/// [`create`] for [Go's own](super::go) threads. Where nothing but those has been made so
/// far all is left as it is without libgreen.
///
/// # Safety
/// As for `pthread_create`.
pub unsafe fn create_for_go(
    id: *mut pthread_t,
    attributes: *const pthread_attr_t,
    start: StartRoutine,
    argument: *mut c_void,
) -> i32 {
    if sched::is_running() {
        // SAFETY: as the caller promises.
        return unsafe { create(id, attributes, Task::new(start, argument, false)) };
    }
    // SAFETY: the same but for unwinding, which ends in glibc's first frame.
    let start =
        unsafe { mem::transmute::<StartRoutine, extern "C" fn(*mut c_void) -> *mut c_void>(start) };
    // SAFETY: as the caller promises.
    unsafe { real_pthread_create()(id, attributes, start, argument) }
}

extern "C" fn run(task: *mut c_void) -> *mut c_void {
    // SAFETY: from `create`.
    let Task {
        start,
        argument,
        name,
        is_named,
        apart,
        distinct,
    } = unsafe { task.cast::<Task>().read() };
    // SAFETY: malloc'ed by `create`.
    unsafe { libc::free(task) };
    let me = current();
    if apart {
        me.set_apart();
    }
    if distinct {
        me.set_distinct();
        scheduling::note(me);
    }
    if let Some(name) = name {
        // SAFETY: 16 bytes, a NUL among them.
        unsafe { syscall!(SYS_prctl, libc::PR_SET_NAME, name.as_ptr()) };
        // SAFETY: the creator waits for that.
        unsafe { (*is_named).store(1, Ordering::Release) };
        // It may be gone by now; then nobody is woken, or somebody who looks once more.
        futex::wake(is_named.cast(), 1);
    }
    me.result.set(join::CANCELED);
    // SAFETY: `start` takes one argument.
    let outcome = unsafe { protected_call(start as *const c_void, argument as usize, 0, 0) };
    if outcome.unwound == 0 {
        me.result.set(outcome.result);
    }
    if me.kind() == Kind::Green {
        // A forked child's main thread, which may be on any kernel thread.
        exit::finish(me)
    }
    // glibc would run them later, when the process may have ended here.
    exit::run_destructors();
    exit::count_out();
    me.result.get()
}
