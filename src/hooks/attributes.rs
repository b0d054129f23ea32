//! A running thread's name, stack, CPU time.
//!
//! glibc asks the kernel about the thread whose id the TCB holds; the kernel
//! does not know the ids of green threads.

use core::ffi::{CStr, c_char, c_int, c_ulong};

use libc::{clockid_t, pthread_attr_t, pthread_t};

use super::symbol::check;
use super::syscall_kernel_state;
use crate::glibc::real::real;
use crate::sys::errno;
use crate::sys::pages::PAGE;
use crate::task::{Kind, Thread, arguments, current, green_of_pthread, of_pthread};
use crate::thread::{attributes, name_files};

/// The thread that `id` names, if the kernel does not know it.
///
/// # Safety
/// `id` is a thread that may still be joined.
unsafe fn unknown_to_kernel(id: pthread_t) -> Option<&'static Thread> {
    // SAFETY: as the caller promises.
    let thread = unsafe { of_pthread(id) };
    (thread.kind() == Kind::Green && !attributes::is_known_to_kernel(thread)).then_some(thread)
}

/// Copies a name of up to 15 bytes and its NUL; `EFAULT` if there is nowhere to.
///
/// # Safety
/// `place`, if it is anywhere, has room for 16 bytes.
unsafe fn write_name(thread: &Thread, place: *mut c_char) -> Result<(), c_int> {
    // SAFETY: as the caller promises.
    unsafe { arguments::give(place.cast(), thread.name.get()) }
}

/// The first 15 bytes of a name, or those before its NUL; `EFAULT` where there is none.
fn read_name(place: *const c_char) -> Result<([u8; 15], usize), c_int> {
    let mut name = [0; 15];
    for (length, byte) in name.iter_mut().enumerate() {
        let at = place.wrapping_add(length).cast::<u8>();
        let is_new_page = length == 0 || at.addr().is_multiple_of(PAGE);
        if is_new_page && !arguments::is_readable(at) {
            return Err(libc::EFAULT);
        }
        // SAFETY: readable.
        match unsafe { at.read() } {
            0 => return Ok((name, length)),
            other => *byte = other,
        }
    }
    Ok((name, 15))
}

/// `prctl(2)`: the thread's name is libgreen's business, the rest the kernel's.
///
/// # Safety
/// As for the system call.
pub(super) unsafe fn control(arguments: [usize; 6]) -> isize {
    let me = current();
    let [option, place, ..] = arguments;
    let result = match option as c_int {
        // The kernel cuts it at 15 bytes.
        libc::PR_SET_NAME if me.is_green() => {
            read_name(place as *const c_char).map(|(name, length)| {
                name_files::catch_up();
                attributes::set_name(me, &name[..length])
            })
        }
        libc::PR_GET_NAME if me.is_green() => {
            name_files::catch_up();
            // SAFETY: as the caller promises: 16 bytes.
            unsafe { write_name(me, place as *mut c_char) }.map(|()| 0)
        }
        // SAFETY: as the caller promises.
        _ => return unsafe { syscall_kernel_state::run(libc::SYS_prctl, arguments) },
    };
    result.map_or_else(|error| -(error as isize), |_| 0)
}

/// `pthread_getattr_np(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_getattr_np(
    id: pthread_t,
    place: *mut pthread_attr_t,
) -> c_int {
    // SAFETY: as the caller promises.
    match unsafe { unknown_to_kernel(id) } {
        // SAFETY: as the caller promises.
        Some(thread) => unsafe { attributes::read(thread, place) },
        None => {
            let real = real!(pthread_getattr_np(_, _));
            // SAFETY: as the caller promises.
            unsafe { real(id, place) }
        }
    }
}
check!(pthread_getattr_np(_, _));

/// `pthread_setname_np(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_setname_np(id: pthread_t, name: *const c_char) -> c_int {
    // SAFETY: as the caller promises.
    let thread = unsafe { of_pthread(id) };
    if thread.kind() == Kind::Green {
        name_files::catch_up();
        // SAFETY: as the caller promises.
        return attributes::set_name(thread, unsafe { CStr::from_ptr(name) }.to_bytes());
    }
    let real = real!(pthread_setname_np(_, _));
    // SAFETY: as the caller promises.
    unsafe { real(id, name) }
}
check!(pthread_setname_np(_, _));

/// `pthread_getname_np(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_getname_np(
    id: pthread_t,
    place: *mut c_char,
    size: usize,
) -> c_int {
    // SAFETY: as the caller promises.
    let thread = unsafe { of_pthread(id) };
    if thread.kind() == Kind::Green {
        if size < 16 {
            return libc::ERANGE;
        }
        if thread.life.is_over() {
            // As in `set_name`.
            return libc::ENOENT;
        }
        name_files::catch_up();
        // SAFETY: as the caller promises: at least 16 bytes.
        return unsafe { write_name(thread, place) }.err().unwrap_or(0);
    }
    let real = real!(pthread_getname_np(_, _, _));
    // SAFETY: as the caller promises.
    unsafe { real(id, place, size) }
}
check!(pthread_getname_np(_, _, _));

/// `prctl(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn prctl(
    option: c_int,
    a: c_ulong,
    b: c_ulong,
    c: c_ulong,
    d: c_ulong,
) -> c_int {
    let arguments = [
        option as usize,
        a as usize,
        b as usize,
        c as usize,
        d as usize,
        0,
    ];
    // SAFETY: as the caller promises.
    errno::to_libc(unsafe { control(arguments) }) as c_int
}
check!(prctl(_; _, _, _, _));

/// `pthread_getcpuclockid(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_getcpuclockid(
    id: pthread_t,
    clock: *mut clockid_t,
) -> c_int {
    // SAFETY: as the caller promises: a thread that may still be joined.
    let thread = unsafe { green_of_pthread(id) };
    let Some(thread) = thread.filter(|_| !current().is_lent()) else {
        let real = real!(pthread_getcpuclockid(_, _));
        // SAFETY: as the caller promises.
        return unsafe { real(id, clock) };
    };
    match attributes::cpu_clock(thread) {
        Some(found) => {
            // SAFETY: as the caller promises.
            unsafe { clock.write(found) };
            0
        }
        None => libc::ESRCH,
    }
}
check!(pthread_getcpuclockid(_, _));
