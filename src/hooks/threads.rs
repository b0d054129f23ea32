//! Threads: creation, exit, join.

use core::ffi::{c_int, c_void};
use core::ptr;

use libc::{clockid_t, pthread_attr_t, pthread_t, timespec};

use super::symbol::check;
use crate::glibc::real::real;
use crate::ops::attempts::{self, Manner};
use crate::ops::turn::Ends;
use crate::runtime;
use crate::sched::blocking;
use crate::signal::cancel;
use crate::sys::clock::{self, Instant, NEVER};
use crate::sys::sanitizers;
use crate::task::word::Cancellation;
use crate::task::{StartRoutine, current, green_of_pthread};
use crate::thread::{begun_by_libc, join};

type C11Start = unsafe extern "C-unwind" fn(*mut c_void) -> c_int;

// <threads.h>
const THRD_SUCCESS: c_int = 0;
const THRD_ERROR: c_int = 2;
const THRD_NOMEM: c_int = 3;

fn give(result: Result<*mut c_void, c_int>, place: *mut *mut c_void) -> c_int {
    match result {
        Ok(value) => {
            if !place.is_null() {
                // SAFETY: the caller of the hook has passed it to be written.
                unsafe { place.write(value) };
            }
            0
        }
        Err(error) => error,
    }
}

/// # Safety
/// `time` is null or valid.
unsafe fn deadline(clock: clockid_t, time: *const timespec) -> Result<Instant, c_int> {
    // SAFETY: as the caller promises.
    match unsafe { time.as_ref() } {
        None => Ok(NEVER),
        Some(time) if clock::is_valid(time) => Ok(clock::deadline(clock, time)),
        Some(_) => Err(libc::EINVAL),
    }
}

/// `pthread_create(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_create(
    id: *mut pthread_t,
    attributes: *const pthread_attr_t,
    start: StartRoutine,
    argument: *mut c_void,
) -> c_int {
    super::load();
    // SAFETY: as the caller promises.
    unsafe { runtime::create_thread(id, attributes, start, argument) }
}
check!(pthread_create(_, _, _, _));

/// C11 `thrd_create`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn thrd_create(
    id: *mut pthread_t,
    start: C11Start,
    argument: *mut c_void,
) -> c_int {
    super::load();
    // SAFETY: as the caller promises; both kinds of start routine return in
    // the same register, and `thrd_join` reads as much of it as C11 says.
    let result = unsafe {
        let start = core::mem::transmute::<C11Start, StartRoutine>(start);
        runtime::create_thread(id, ptr::null(), start, argument)
    };
    match result {
        0 => THRD_SUCCESS,
        libc::ENOMEM | libc::EAGAIN => THRD_NOMEM,
        _ => THRD_ERROR,
    }
}

/// `pthread_exit(3)`: unwinds to the thread's first frame.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_exit(result: *mut c_void) -> ! {
    current().result.set(result);
    begun_by_libc::renew();
    sanitizers::unwinds();
    let real = real!(pthread_exit: unsafe extern "C-unwind" fn(*mut c_void) -> !);
    // SAFETY: as the caller promises.
    unsafe { real(result) }
}
check!(pthread_exit(_));

/// C11 `thrd_exit`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn thrd_exit(result: c_int) -> ! {
    // SAFETY: as the caller promises.
    unsafe { pthread_exit(ptr::without_provenance_mut(result as usize)) }
}

/// Waits until `deadline` for the end of a thread that is not green, which `block` does in the kernel.
///
/// # Safety
/// As for `pthread_join`.
unsafe fn await_native(
    id: pthread_t,
    place: *mut *mut c_void,
    deadline: Instant,
    block: impl FnOnce() -> c_int,
) -> c_int {
    if id == 0 {
        // Unlike the others `pthread_tryjoin_np` does not look for that.
        return block();
    }
    let try_join = real!(pthread_tryjoin_np(_, _));
    let manner = Manner {
        cancellation: Cancellation::Point,
        ends: Ends::Never,
        deadline,
    };
    let attempt = || {
        // SAFETY: as the caller promises.
        Some(unsafe { try_join(id, place) }).filter(|&result| result != libc::EBUSY)
    };
    let (ended, expired) = (|| libc::EINTR, || libc::ETIMEDOUT);
    attempts::or_block(manner, attempt, ended, expired, block)
}

/// `pthread_join(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_join(id: pthread_t, place: *mut *mut c_void) -> c_int {
    cancel::point();
    // SAFETY: as the caller promises.
    match unsafe { green_of_pthread(id) } {
        Some(thread) => give(join::join(thread, NEVER), place),
        None => {
            let real = real!(pthread_join(_, _));
            // SAFETY: as the caller promises.
            unsafe { await_native(id, place, NEVER, || real(id, place)) }
        }
    }
}
check!(pthread_join(_, _));

/// C11 `thrd_join`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn thrd_join(id: pthread_t, place: *mut c_int) -> c_int {
    let mut result = ptr::null_mut();
    // SAFETY: as the caller promises.
    if unsafe { pthread_join(id, &mut result) } != 0 {
        return THRD_ERROR;
    }
    if !place.is_null() {
        // SAFETY: as the caller promises.
        unsafe { place.write(result.addr() as c_int) };
    }
    THRD_SUCCESS
}

/// `pthread_tryjoin_np(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_tryjoin_np(
    id: pthread_t,
    place: *mut *mut c_void,
) -> c_int {
    // SAFETY: as the caller promises.
    match unsafe { green_of_pthread(id) } {
        Some(thread) => give(join::try_join(thread), place),
        None => {
            let real = real!(pthread_tryjoin_np(_, _));
            // SAFETY: as the caller promises.
            unsafe { real(id, place) }
        }
    }
}
check!(pthread_tryjoin_np(_, _));

/// `pthread_timedjoin_np(3)`: `time` is of `CLOCK_REALTIME`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_timedjoin_np(
    id: pthread_t,
    place: *mut *mut c_void,
    time: *const timespec,
) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { pthread_clockjoin_np(id, place, libc::CLOCK_REALTIME, time) }
}
check!(pthread_timedjoin_np(_, _, _));

/// `pthread_clockjoin_np`, glibc's own.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_clockjoin_np(
    id: pthread_t,
    place: *mut *mut c_void,
    clock: clockid_t,
    time: *const timespec,
) -> c_int {
    if !matches!(clock, libc::CLOCK_REALTIME | libc::CLOCK_MONOTONIC) {
        return libc::EINVAL;
    }
    cancel::point();
    // SAFETY: as the caller promises.
    match unsafe { green_of_pthread(id) } {
        // SAFETY: as the caller promises.
        Some(thread) => match unsafe { deadline(clock, time) } {
            Ok(deadline) => give(join::join(thread, deadline), place),
            Err(error) => error,
        },
        None => {
            let real = real!(pthread_clockjoin_np(_, _, _, _));
            // SAFETY: as the caller promises.
            let call = || unsafe { real(id, place, clock, time) };
            // SAFETY: as the caller promises.
            match unsafe { deadline(clock, time) } {
                // SAFETY: as the caller promises.
                Ok(deadline) => unsafe { await_native(id, place, deadline, call) },
                Err(_) => blocking::region(call),
            }
        }
    }
}

/// `pthread_detach(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_detach(id: pthread_t) -> c_int {
    // SAFETY: as the caller promises.
    match unsafe { green_of_pthread(id) } {
        Some(thread) => join::detach(thread),
        None => {
            let real = real!(pthread_detach(_));
            // SAFETY: as the caller promises.
            unsafe { real(id) }
        }
    }
}
check!(pthread_detach(_));

/// C11 `thrd_detach`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn thrd_detach(id: pthread_t) -> c_int {
    // SAFETY: as the caller promises.
    if unsafe { pthread_detach(id) } == 0 {
        THRD_SUCCESS
    } else {
        THRD_ERROR
    }
}
