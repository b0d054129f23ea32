//! `select` and `pselect`.

use core::ffi::c_int;

use libc::{fd_set, sigset_t, timespec, timeval};

use super::symbol::{alias, check};
use crate::glibc::real::real;
use crate::hub::own;
use crate::ops::event_loop::select::Sets;
use crate::ops::event_loop::{self, Wait, WithoutTime};
use crate::signal::{cancel, mask, restart};
use crate::sys::clock::{self, NEVER, SECOND};
use crate::sys::{errno, open_files};
use crate::task::green;

/// `count`, or how far it reaches where the hub's own descriptors, far beyond the
/// program's, have not made the kernel's table of them larger.
///
/// The kernel looks no further than that table goes, and programs that ask for as many
/// as `getdtablesize(3)` says count on it: their sets are not so large.
fn within_reach(count: c_int) -> c_int {
    const USUAL: c_int = libc::FD_SETSIZE as c_int;
    if count <= USUAL || own::all().next().is_none() {
        return count;
    }
    let mut highest = 0;
    let looked = open_files::each(|fd| {
        if own::all().all(|own| own != fd) {
            highest = highest.max(fd);
        }
    });
    match looked {
        Ok(()) => count.min(USUAL.max((highest as u32 + 1).next_power_of_two() as c_int)),
        Err(_) => count,
    }
}

/// `select(2)`; as Linux does, leaves the time that is left in `timeout`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn select(
    count: c_int,
    read: *mut fd_set,
    write: *mut fd_set,
    except: *mut fd_set,
    timeout: *mut timeval,
) -> c_int {
    let count = within_reach(count);
    let by_libc = || {
        let real = real!(select(_, _, _, _, _));
        // What is left of the time limit is there after any end of it.
        // SAFETY: as the caller promises.
        restart::libc_call(|| unsafe { real(count, read, write, except, timeout) })
    };
    let Some(me) = green() else { return by_libc() };
    cancel::point();
    let Some(sets) = Sets::new(count, [read, write, except]) else {
        return by_libc();
    };
    // SAFETY: as the caller promises; libc, too, looks there itself.
    let time = unsafe { timeout.as_mut() };
    let deadline = match &time {
        None => NEVER,
        Some(time) if time.tv_sec < 0 || time.tv_usec < 0 => {
            errno::set(libc::EINVAL);
            return -1;
        }
        // glibc takes any number of microseconds.
        Some(time) => clock::limit(
            (time.tv_sec as u64)
                .saturating_mul(SECOND)
                .saturating_add(time.tv_usec as u64 * 1000),
        ),
    };
    // SAFETY: as the caller promises.
    let result = unsafe { event_loop::select::until_ready(&Wait::new(me, deadline), &sets) };
    if let Some(time) = time {
        let left = deadline.saturating_sub(clock::now());
        time.tv_sec = (left / SECOND) as i64;
        time.tv_usec = (left % SECOND / 1000) as i64;
    }
    errno::to_libc(result) as c_int
}
check!(select(_, _, _, _, _));

alias!(__select = select);

/// `pselect(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pselect(
    count: c_int,
    read: *mut fd_set,
    write: *mut fd_set,
    except: *mut fd_set,
    timeout: *const timespec,
    set: *const sigset_t,
) -> c_int {
    let count = within_reach(count);
    let by_libc = || {
        let real = real!(pselect(_, _, _, _, _, _));
        // SAFETY: as the caller promises.
        unsafe {
            restart::within(timeout, |timeout| {
                real(count, read, write, except, timeout, set)
            })
        }
    };
    let Some(me) = green() else {
        return mask::natively(set, by_libc);
    };
    cancel::point();
    let (Some(sets), Ok(set)) = (Sets::new(count, [read, write, except]), mask::read(set)) else {
        return by_libc();
    };
    // SAFETY: as the caller promises; libc, too, looks there itself.
    let Some(deadline) = clock::limit_of_time(unsafe { timeout.as_ref() }) else {
        errno::set(libc::EINVAL);
        return -1;
    };
    // SAFETY: as the caller promises.
    let result = Wait::under(
        me,
        deadline,
        set,
        WithoutTime::HandlesSignals,
        |wait| unsafe { event_loop::select::until_ready(wait, &sets) },
    );
    errno::to_libc(result) as c_int
}
check!(pselect(_, _, _, _, _, _));
