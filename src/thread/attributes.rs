//! What can be asked and changed of a thread while it runs.

use core::ffi::c_void;
use core::mem::size_of;
use core::sync::atomic::Ordering;

use libc::{clockid_t, pthread_attr_t};

use super::join::Life;
use super::{Thread, main_thread};
use crate::sys::raw::syscall;

unsafe extern "C" {
    fn pthread_attr_setstack(
        attributes: *mut pthread_attr_t,
        base: *mut c_void,
        size: usize,
    ) -> i32;
    fn pthread_attr_setaffinity_np(
        attributes: *mut pthread_attr_t,
        size: usize,
        set: *const libc::cpu_set_t,
    ) -> i32;
}

/// Whether glibc and the kernel can answer for `thread` themselves: they know the
/// main thread's id.
pub fn is_known_to_kernel(thread: &Thread) -> bool {
    main_thread::get().is_none_or(|main| main.is(thread))
}

/// `pthread_getattr_np(3)` of a green thread that libgreen has made.
///
/// # Safety
/// `attributes` can be written.
pub unsafe fn read(thread: &Thread, attributes: *mut pthread_attr_t) -> i32 {
    let detached = thread.life.load(Ordering::Relaxed) & Life::DETACHED != 0;
    let mut set = core::mem::MaybeUninit::<libc::cpu_set_t>::zeroed();
    // SAFETY: as the caller promises; initialised first.
    unsafe {
        libc::pthread_attr_init(attributes);
        pthread_attr_setstack(
            attributes,
            thread.stack.base() as *mut c_void,
            thread.stack.size(),
        );
        libc::pthread_attr_setguardsize(attributes, thread.stack.guard());
        if detached {
            libc::pthread_attr_setdetachstate(attributes, libc::PTHREAD_CREATE_DETACHED);
        }
        let size = affinity(set.as_mut_ptr().cast(), size_of::<libc::cpu_set_t>());
        if size > 0 {
            pthread_attr_setaffinity_np(attributes, size as usize, set.as_ptr())
        } else {
            0
        }
    }
}

/// The CPUs that the calling thread, like most others, may use: how many bytes were written to `set`, or
/// `-errno`.
///
/// # Safety
/// `set` has room for `size` bytes.
pub unsafe fn affinity(set: *mut c_void, size: usize) -> isize {
    // SAFETY: as the caller promises.
    unsafe { syscall!(SYS_sched_getaffinity, 0, size, set) }
}

/// Names `thread`: 0, or `ERANGE` for more than 15 bytes.
pub fn set_name(thread: &Thread, name: &[u8]) -> i32 {
    let mut padded = [0u8; 16];
    if name.len() >= padded.len() {
        return libc::ERANGE;
    }
    padded[..name.len()].copy_from_slice(name);
    thread.name.set(padded);
    if is_known_to_kernel(thread) {
        name_process(name);
    }
    0
}

/// The main thread's name is the one that `ps` shows.
fn name_process(name: &[u8]) {
    let path = c"/proc/self/comm";
    // SAFETY: a C string, a live buffer, a descriptor that is ours. A failure
    // (no /proc) leaves the name known to this process only.
    unsafe {
        let fd = syscall!(SYS_open, path.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
        if fd >= 0 {
            syscall!(SYS_write, fd, name.as_ptr(), name.len());
            syscall!(SYS_close, fd);
        }
    }
}

/// The clock of the CPU time that `thread` has used: green threads share the
/// workers', so it is the process's.
pub fn cpu_clock(_: &Thread) -> clockid_t {
    libc::CLOCK_PROCESS_CPUTIME_ID
}
