//! A running thread's name, id, stack, scheduling.
//!
//! glibc asks the kernel about the thread whose id the TCB holds; the kernel
//! does not know the ids of green threads.

use core::ffi::{CStr, c_char, c_int, c_ulong};
use core::ptr;

use libc::{clockid_t, cpu_set_t, pid_t, pthread_attr_t, pthread_t, sched_param};

use crate::sched::blocking;
use crate::sys::errno;
use crate::sys::raw::syscall;
use crate::sys::real::real;
use crate::thread::{Kind, Thread, attributes, current, of_pthread};

/// The thread that `id` names, if the kernel does not know it.
///
/// # Safety
/// `id` is a thread that may still be joined.
unsafe fn unknown_to_kernel(id: pthread_t) -> Option<&'static Thread> {
    // SAFETY: as the caller promises.
    let thread = unsafe { of_pthread(id) };
    (thread.kind() == Kind::Green && !attributes::is_known_to_kernel(thread)).then_some(thread)
}

/// Copies a name of up to 15 bytes and its NUL.
///
/// # Safety
/// `place` has room for 16 bytes.
unsafe fn write_name(thread: &Thread, place: *mut c_char) {
    let name = thread.name.get();
    // SAFETY: as the caller promises.
    unsafe { ptr::copy_nonoverlapping(name.as_ptr(), place.cast(), name.len()) };
}

export! {
    /// `gettid(2)`.
    fn gettid() -> pid_t {
        let me = current();
        if me.kind() == Kind::Green {
            return me.tid.get();
        }
        // SAFETY: no arguments.
        unsafe { syscall!(SYS_gettid) as pid_t }
    }

    /// `pthread_getattr_np(3)`.
    fn pthread_getattr_np(id: pthread_t, place: *mut pthread_attr_t) -> c_int {
        // SAFETY: as the caller promises.
        match unsafe { unknown_to_kernel(id) } {
            // SAFETY: as the caller promises.
            Some(thread) => unsafe { attributes::read(thread, place) },
            None => {
                let real = real!(pthread_getattr_np: unsafe extern "C" fn(pthread_t, *mut pthread_attr_t) -> c_int);
                // SAFETY: as the caller promises.
                unsafe { real(id, place) }
            }
        }
    }

    /// `pthread_setname_np(3)`.
    fn pthread_setname_np(id: pthread_t, name: *const c_char) -> c_int {
        // SAFETY: as the caller promises.
        let thread = unsafe { of_pthread(id) };
        if thread.kind() == Kind::Green {
            // SAFETY: as the caller promises.
            return attributes::set_name(thread, unsafe { CStr::from_ptr(name) }.to_bytes());
        }
        let real = real!(pthread_setname_np: unsafe extern "C" fn(pthread_t, *const c_char) -> c_int);
        // SAFETY: as the caller promises.
        unsafe { real(id, name) }
    }

    /// `pthread_getname_np(3)`.
    fn pthread_getname_np(id: pthread_t, place: *mut c_char, size: usize) -> c_int {
        // SAFETY: as the caller promises.
        let thread = unsafe { of_pthread(id) };
        if thread.kind() == Kind::Green {
            if size < 16 {
                return libc::ERANGE;
            }
            // SAFETY: as the caller promises: at least 16 bytes.
            unsafe { write_name(thread, place) };
            return 0;
        }
        let real = real!(pthread_getname_np: unsafe extern "C" fn(pthread_t, *mut c_char, usize) -> c_int);
        // SAFETY: as the caller promises.
        unsafe { real(id, place, size) }
    }

    /// `prctl(2)`: the thread's name is libgreen's business; the rest is not.
    unchecked fn prctl(option: c_int, a: c_ulong, b: c_ulong, c: c_ulong, d: c_ulong) -> c_int {
        let me = current();
        match option {
            libc::PR_SET_NAME if me.kind() == Kind::Green => {
                // SAFETY: as the caller promises: a C string; the kernel cuts it
                // at 15 bytes.
                let name = unsafe { CStr::from_ptr(a as *const c_char) }.to_bytes();
                attributes::set_name(me, &name[..name.len().min(15)])
            }
            libc::PR_GET_NAME if me.kind() == Kind::Green => {
                // SAFETY: as the caller promises: 16 bytes.
                unsafe { write_name(me, a as *mut c_char) };
                0
            }
            // SAFETY: as the caller promises.
            _ => errno::to_libc(unsafe { syscall!(SYS_prctl, option, a, b, c, d) }) as c_int,
        }
    }

    /// `pthread_getcpuclockid(3)`.
    unchecked fn pthread_getcpuclockid(id: pthread_t, clock: *mut clockid_t) -> c_int {
        // SAFETY: as the caller promises.
        match unsafe { unknown_to_kernel(id) } {
            Some(thread) => {
                // SAFETY: as the caller promises.
                unsafe { clock.write(attributes::cpu_clock(thread)) };
                0
            }
            None => {
                let real = real!(pthread_getcpuclockid: unsafe extern "C" fn(pthread_t, *mut clockid_t) -> c_int);
                // SAFETY: as the caller promises.
                unsafe { real(id, clock) }
            }
        }
    }

    /// `pthread_getaffinity_np(3)`. Threads that have bound themselves can ask
    /// for themselves only; all others run where the workers do.
    fn pthread_getaffinity_np(id: pthread_t, size: usize, set: *mut cpu_set_t) -> c_int {
        // SAFETY: as the caller promises.
        if unsafe { of_pthread(id) }.kind() == Kind::Green {
            // SAFETY: as the caller promises; what the kernel leaves is cleared.
            return unsafe {
                ptr::write_bytes(set.cast::<u8>(), 0, size);
                attributes::affinity(set.cast(), size).min(0).unsigned_abs() as c_int
            };
        }
        let real = real!(pthread_getaffinity_np: unsafe extern "C" fn(pthread_t, usize, *mut cpu_set_t) -> c_int);
        // SAFETY: as the caller promises.
        unsafe { real(id, size, set) }
    }

    /// `pthread_setaffinity_np(3)`: a thread that binds itself to CPUs gets a
    /// kernel thread to itself.
    fn pthread_setaffinity_np(id: pthread_t, size: usize, set: *const cpu_set_t) -> c_int {
        // SAFETY: as the caller promises.
        let thread = unsafe { of_pthread(id) };
        if thread.kind() == Kind::Green && thread.is(current()) {
            blocking::wire();
            // SAFETY: as the caller promises.
            return unsafe { syscall!(SYS_sched_setaffinity, 0, size, set) }.min(0).unsigned_abs() as c_int;
        }
        let real = real!(pthread_setaffinity_np: unsafe extern "C" fn(pthread_t, usize, *const cpu_set_t) -> c_int);
        // SAFETY: as the caller promises.
        unsafe { real(id, size, set) }
    }

    /// `sched_setaffinity(2)`: as `pthread_setaffinity_np` for the caller.
    fn sched_setaffinity(pid: pid_t, size: usize, set: *const cpu_set_t) -> c_int {
        let me = current();
        let own = pid == 0 || me.kind() == Kind::Green && pid == me.tid.get();
        if own {
            blocking::wire();
        }
        // SAFETY: as the caller promises.
        errno::to_libc(unsafe { syscall!(SYS_sched_setaffinity, if own { 0 } else { pid }, size, set) }) as c_int
    }

    /// `pthread_getschedparam(3)`: green threads run under the default policy.
    unchecked fn pthread_getschedparam(id: pthread_t, policy: *mut c_int, parameters: *mut sched_param) -> c_int {
        // SAFETY: as the caller promises.
        match unsafe { unknown_to_kernel(id) } {
            Some(_) => {
                // SAFETY: as the caller promises.
                unsafe {
                    policy.write(libc::SCHED_OTHER);
                    (*parameters).sched_priority = 0;
                }
                0
            }
            None => {
                type Real = unsafe extern "C" fn(pthread_t, *mut c_int, *mut sched_param) -> c_int;
                let real = real!(pthread_getschedparam: Real);
                // SAFETY: as the caller promises.
                unsafe { real(id, policy, parameters) }
            }
        }
    }

    /// `pthread_setschedparam(3)`: a thread that gives itself another policy
    /// gets a kernel thread to itself.
    unchecked fn pthread_setschedparam(id: pthread_t, policy: c_int, parameters: *const sched_param) -> c_int {
        // SAFETY: as the caller promises.
        let thread = unsafe { of_pthread(id) };
        if thread.kind() != Kind::Green {
            let real = real!(pthread_setschedparam: unsafe extern "C" fn(pthread_t, c_int, *const sched_param) -> c_int);
            // SAFETY: as the caller promises.
            return unsafe { real(id, policy, parameters) };
        }
        // SAFETY: as the caller promises.
        if policy == libc::SCHED_OTHER && unsafe { (*parameters).sched_priority } == 0 {
            return 0;
        }
        if !thread.is(current()) {
            return libc::EPERM;
        }
        blocking::wire();
        // SAFETY: as the caller promises.
        unsafe { syscall!(SYS_sched_setscheduler, 0, policy, parameters) }.min(0).unsigned_abs() as c_int
    }

    /// `unshare(2)`: changes what belongs to the kernel thread.
    fn unshare(flags: c_int) -> c_int {
        blocking::wire();
        // SAFETY: as the caller promises.
        errno::to_libc(unsafe { syscall!(SYS_unshare, flags) }) as c_int
    }

    /// `setns(2)`: changes what belongs to the kernel thread.
    fn setns(fd: c_int, kind: c_int) -> c_int {
        blocking::wire();
        // SAFETY: as the caller promises.
        errno::to_libc(unsafe { syscall!(SYS_setns, fd, kind) }) as c_int
    }
}
