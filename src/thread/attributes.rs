//! What can be asked and changed of a thread while it runs.

use core::ffi::c_void;
use core::mem::size_of;

use libc::{clockid_t, pthread_attr_t};

use crate::sched::{kernel_state, kernel_thread};
use crate::signal::errand;
use crate::sys::raw::syscall;
use crate::sys::{clock, task_state};
use crate::task::{Kind, Thread};

unsafe extern "C" {
    fn pthread_attr_setstack(
        attributes: *mut pthread_attr_t,
        base: *mut c_void,
        size: usize,
    ) -> i32;
    fn pthread_attr_setinheritsched(attributes: *mut pthread_attr_t, inherit: i32) -> i32;
    fn pthread_attr_setaffinity_np(
        attributes: *mut pthread_attr_t,
        size: usize,
        set: *const libc::cpu_set_t,
    ) -> i32;
}

/// Whether glibc and the kernel can answer for `thread`, which is green, themselves: they
/// know the main thread's id.
pub fn is_known_to_kernel(thread: &Thread) -> bool {
    !thread.is_husk()
}

/// `pthread_getattr_np(3)` of a green thread that libgreen has made.
///
/// # Safety
/// `attributes` can be written.
pub unsafe fn read(thread: &Thread, attributes: *mut pthread_attr_t) -> i32 {
    let detached = thread.life.is_detached();
    let mut set = core::mem::MaybeUninit::<libc::cpu_set_t>::zeroed();
    // SAFETY: as the caller promises; initialised first.
    unsafe {
        libc::pthread_attr_init(attributes);
        // Some stacks have a page more than was asked for.
        let size = thread.asked.stack_size().min(thread.stack.size());
        let base = thread.stack.base() + thread.stack.size() - size;
        pthread_attr_setstack(attributes, base as *mut c_void, size);
        if thread.asked.is_explicit() {
            pthread_attr_setinheritsched(attributes, libc::PTHREAD_EXPLICIT_SCHED);
        }
        libc::pthread_attr_setguardsize(attributes, thread.stack.guard());
        if detached {
            libc::pthread_attr_setdetachstate(attributes, libc::PTHREAD_CREATE_DETACHED);
        }
        let id = kernel_state::kernel_thread(thread);
        let size = size_of::<libc::cpu_set_t>();
        let size = syscall!(SYS_sched_getaffinity, id, size, set.as_mut_ptr());
        if size > 0 {
            pthread_attr_setaffinity_np(attributes, size as usize, set.as_ptr())
        } else {
            0
        }
    }
}

/// The name of the caller, `me`, with which threads of its begin.
pub fn name_of(me: &Thread) -> [u8; 16] {
    if me.kind() == Kind::Green {
        return me.name.get();
    }
    let mut name = [0u8; 16];
    // SAFETY: the kernel writes at most 16 bytes.
    unsafe { syscall!(SYS_prctl, libc::PR_GET_NAME, name.as_mut_ptr()) };
    name
}

/// Names `thread`: 0, or `ERANGE` for more than 15 bytes; `ENOENT` if it has ended, as glibc finds no
/// file in /proc then.
pub fn set_name(thread: &Thread, name: &[u8]) -> i32 {
    if name.len() >= 16 {
        return libc::ERANGE;
    }
    if thread.life.is_over() {
        return libc::ENOENT;
    }
    give_name(thread, name);
    0
}

/// [`set_name`] of up to 15 bytes.
pub fn give_name(thread: &Thread, name: &[u8]) {
    let mut padded = [0u8; 16];
    padded[..name.len()].copy_from_slice(name);
    thread.name.set(padded);
    if is_known_to_kernel(thread) {
        // What `ps` shows.
        task_state::set_name(kernel_thread::process(), name);
    }
    kernel_thread::set_name(thread);
}

/// The clock of the CPU time that `thread` uses, for everybody and for timers: the kernel's of
/// its kernel thread, which is its own from here on. `None` if it has ended.
pub fn cpu_clock(thread: &'static Thread) -> Option<clockid_t> {
    if thread.life.is_over() {
        return None;
    }
    errand::wire(thread).map(clock::id_of_kernel_thread)
}
