//! Asynchronous transfers and look-ups that are waited for. libc does them on kernel threads of its own, which wake
//! others by a futex inside libc. Where libc is patched green threads park there; otherwise they take a turn at
//! blocking a kernel thread.

use core::cell::Cell;
use core::ffi::{c_int, c_void};
use core::ptr;
use core::sync::atomic::{AtomicU32, Ordering};

use libc::{aiocb, clockid_t, sigevent, timespec};

use super::in_turn::in_turn_within;
use super::symbol::{alias, check};
use crate::glibc::patch;
use crate::glibc::real::{of_type, real};
use crate::ops::turn::Ends;
use crate::sched::{blocking, words};
use crate::signal::{Watch, cancel};
use crate::sync::time;
use crate::sys::clock::NEVER;
use crate::sys::errno;
use crate::task::word::{Cancellation, Wake};
use crate::task::{Thread, green};

/// The calling thread, if it parks where `aio_suspend` and `gai_suspend` wait.
fn parks_inside() -> Option<&'static Thread> {
    green().filter(|_| patch::have_all(&[patch::WAIT_FOR_WORD]) && words::can_wait())
}

/// `call`, of one of those, by `me`, the caller. A handler, or cancellation, may leave it in the wait.
fn parking_inside(me: &Thread, call: impl FnOnce() -> c_int) -> c_int {
    me.waits_inside.set(true);
    let result = call();
    me.waits_inside.set(false);
    result
}

/// The wait of those: for the word to have another value than `expected`, until `limit` of `clock`, which may be
/// null. An error number, 0 after a wake-up. Who changes the word has no reason to change it back.
///
/// # Safety
/// As libc's function that [`patch::WAIT_FOR_WORD`] names.
pub unsafe extern "C-unwind" fn wait_for_word(
    word: *const AtomicU32,
    expected: u32,
    clock: clockid_t,
    limit: *const timespec,
    sharing: c_int,
) -> c_int {
    let hook: unsafe extern "C-unwind" fn(_, _, _, _, _) -> _ = wait_for_word;
    // SAFETY: who comes here comes from the patch.
    let original = || unsafe {
        let address = patch::original(patch::WAIT_FOR_WORD).unwrap_or(ptr::null());
        of_type(hook, address.cast_mut().cast())(word, expected, clock, limit, sharing)
    };
    let me = match green() {
        Some(me) if me.waits_inside.replace(false) => me,
        _ => return original(),
    };
    // SAFETY: as the caller promises, here and below.
    let word = unsafe { &*word };
    let deadline = if limit.is_null() {
        Ok(NEVER)
    } else {
        // SAFETY: as above.
        unsafe { time::deadline(clock, limit) }
    };
    let deadline = match deadline {
        Ok(deadline) => deadline,
        Err(error) => return error,
    };
    let watch = Watch::new(me);
    loop {
        if word.load(Ordering::Acquire) != expected {
            return libc::EAGAIN;
        }
        match words::wait(word, expected, deadline, Cancellation::Point) {
            None => return blocking::region(original),
            Some(Wake::Timeout) => return libc::ETIMEDOUT,
            Some(Wake::Interrupted) => {
                cancel::point();
                // As the kernel's: with a time limit it is not restarted.
                if watch.ends_futex_wait(deadline != NEVER) {
                    return libc::EINTR;
                }
            }
            Some(_) => {}
        }
    }
}

/// `aio_suspend(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn aio_suspend(
    list: *const *const aiocb,
    count: c_int,
    timeout: *const timespec,
) -> c_int {
    let real = real!(aio_suspend(_, _, _));
    // SAFETY: as the caller promises.
    let call = |limit: *const timespec| unsafe { real(list, count, limit) };
    if let Some(me) = parks_inside() {
        return parking_inside(me, || call(timeout));
    }
    // futex(2): with a time limit it is not restarted.
    let ends = if timeout.is_null() {
        Ends::UnlessRestarted
    } else {
        Ends::Always
    };
    // SAFETY: as the caller promises.
    unsafe { in_turn_within(timeout, Cancellation::Point, ends, || false, call) }
}
check!(aio_suspend(_, _, _));

alias!(aio_suspend64 = aio_suspend);

/// `lio_listio(3)`, which may wait for all: it begins them, and then waits for one after the other.
/// That is no cancellation point, though anybody who can be cancelled anywhere can be there.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn lio_listio(
    mode: c_int,
    list: *const *mut aiocb,
    count: c_int,
    event: *mut sigevent,
) -> c_int {
    let real = real!(lio_listio(_, _, _, _));
    // SAFETY: as the caller promises.
    unsafe {
        let Some(me) = green().filter(|_| mode == libc::LIO_WAIT) else {
            return real(mode, list, count, event);
        };
        let result = real(libc::LIO_NOWAIT, list, count, ptr::null_mut());
        cancel::without_points(me, || await_all(list, count, result))
    }
}

/// Waits for the transfers of a list that `begun` is the result of having begun: that of all.
///
/// # Safety
/// As for `lio_listio`.
unsafe fn await_all(list: *const *mut aiocb, count: c_int, begun: c_int) -> c_int {
    let mut result = begun;
    let before = errno::get();
    // SAFETY: as the caller promises.
    unsafe {
        for index in 0..usize::try_from(count).unwrap_or(0) {
            let request = *list.add(index);
            if request.is_null() || (*request).aio_lio_opcode == libc::LIO_NOP {
                continue;
            }
            while libc::aio_error(request) == libc::EINPROGRESS {
                if aio_suspend(&request.cast_const(), 1, ptr::null()) != 0 {
                    return -1;
                }
            }
            if result == 0 && libc::aio_error(request) != 0 {
                result = -1;
            }
        }
    }
    errno::set(if result == 0 { before } else { libc::EIO });
    result
}
check!(lio_listio(_, _, _, _));

alias!(lio_listio64 = lio_listio);

// <netdb.h>; the libc crate lacks them.
const EAI_AGAIN: c_int = -3;
const EAI_SYSTEM: c_int = -11;
const EAI_INPROGRESS: c_int = -100;
const EAI_INTR: c_int = -104;
const GAI_WAIT: c_int = 0;
const GAI_NOWAIT: c_int = 1;

/// `getaddrinfo_a(3)`, which may wait for all: it begins them, and then waits for one after the
/// other. Meanwhile nobody is cancelled, by glibc's rules.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn getaddrinfo_a(
    mode: c_int,
    list: *const *mut c_void,
    count: c_int,
    event: *mut sigevent,
) -> c_int {
    unsafe extern "C" {
        fn gai_error(request: *mut c_void) -> c_int;
    }
    let real = real!(getaddrinfo_a(_, _, _, _));
    // SAFETY: as the caller promises.
    unsafe {
        if mode != GAI_WAIT || green().is_none() {
            return real(mode, list, count, event);
        }
        let mut result = real(GAI_NOWAIT, list, count, ptr::null_mut());
        let cancellation = cancel::disable();
        'all: for index in 0..usize::try_from(count).unwrap_or(0) {
            let request = *list.add(index);
            while !request.is_null() && gai_error(request) == EAI_INPROGRESS {
                if gai_suspend(&request.cast_const(), 1, ptr::null()) == EAI_INTR {
                    result = EAI_INTR;
                    break 'all;
                }
            }
        }
        cancel::restore(cancellation);
        result
    }
}

/// `gai_suspend(3)`: 0 or an `EAI_*`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn gai_suspend(
    list: *const *const c_void,
    count: c_int,
    timeout: *const timespec,
) -> c_int {
    let real = real!(gai_suspend(_, _, _));
    if let Some(me) = parks_inside() {
        // SAFETY: as the caller promises.
        return parking_inside(me, || unsafe { real(list, count, timeout) });
    }
    // What glibc says when the time is over: EAI_SYSTEM where it waits by futex.
    let over = Cell::new(EAI_AGAIN);
    let call = |limit: *const timespec| {
        // SAFETY: as the caller promises.
        let result = unsafe { real(list, count, limit) };
        let error = match result {
            EAI_INTR => libc::EINTR,
            EAI_AGAIN | EAI_SYSTEM => libc::EAGAIN,
            _ => return result,
        };
        if error == libc::EAGAIN {
            over.set(result);
        }
        errno::set(error);
        -1
    };
    // SAFETY: as the caller promises.
    match unsafe { in_turn_within(timeout, Cancellation::Point, Ends::Always, || false, call) } {
        -1 if errno::get() == libc::EAGAIN => over.get(),
        -1 => EAI_INTR,
        result => result,
    }
}
