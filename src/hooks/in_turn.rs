//! Calls of libc's that block a kernel thread, when it is the caller's turn to.

use core::ffi::c_int;
use core::ptr;

use libc::timespec;

use crate::ops::attempts::{self, Manner, Outcome};
use crate::ops::turn::{self, Ends};
use crate::sched::{blocking, turns};
use crate::signal::restart;
use crate::sys::clock::{self, NEVER};
use crate::sys::errno;
use crate::task::word::Cancellation;
use crate::task::{arguments, green};

/// Runs `call` when it is the caller's turn to block a kernel thread; `EINTR` if a handler
/// ends the wait for that. A signal that is meant for another thread, and has met the kernel
/// thread where that one ran a moment ago, ends no call: one that the kernel never restarts begins anew.
pub fn in_turn<R: From<i8> + PartialEq>(
    cancellation: Cancellation,
    ends: Ends,
    call: impl Fn() -> R,
) -> R {
    restart::libc_call(|| {
        turn::run(&turns::CALLS, cancellation, ends, &call).unwrap_or_else(|| {
            errno::set(libc::EINTR);
            R::from(-1)
        })
    })
}

/// [`in_turn`], unless `at_once`, which does not wait, has another result than `busy`. Other
/// threads than green ones have none.
pub fn unless_at_once<R: From<i8> + PartialEq>(
    cancellation: Cancellation,
    ends: Ends,
    busy: c_int,
    at_once: impl Fn() -> R,
    call: impl Fn() -> R,
) -> R {
    if green().is_none() {
        return restart::libc_call(call);
    }
    let before = errno::get();
    let attempt = || {
        let result = restart::libc_call(&at_once);
        if result != R::from(-1) || errno::get() != busy {
            return Some(result);
        }
        errno::set(before);
        None
    };
    if let Some(result) = attempt() {
        return result;
    }
    let manner = Manner {
        cancellation,
        ends,
        deadline: NEVER,
    };
    match attempts::run(manner, attempt) {
        Outcome::Done(result) => result,
        Outcome::MayBlock => in_turn(cancellation, ends, call),
        Outcome::Interrupted | Outcome::Timeout => {
            errno::set(libc::EINTR);
            R::from(-1)
        }
    }
}

/// Runs `call`, which fails with `EAGAIN` after the time limit that it gets, when it is the caller's
/// turn to block a kernel thread, within `limit`, which may be null; without a turn if it can be
/// done at once. `fails` says of a call that would have to wait whether it fails with `EAGAIN` instead.
///
/// # Safety
/// `call` only reads the time limit, and fails as long as that is bad.
pub unsafe fn in_turn_within(
    limit: *const timespec,
    cancellation: Cancellation,
    ends: Ends,
    fails: impl Fn() -> bool,
    call: impl Fn(*const timespec) -> c_int,
) -> c_int {
    let time = arguments::is_readable(limit).then(|| {
        // SAFETY: just seen.
        unsafe { limit.read_unaligned() }
    });
    let deadline = match &time {
        _ if green().is_none() => None,
        None if limit.is_null() => Some(NEVER),
        time => time
            .as_ref()
            .and_then(|time| clock::limit_of_time(Some(time))),
    };
    let Some(deadline) = deadline else {
        // SAFETY: as the caller promises.
        return blocking::region(|| unsafe { restart::within(limit, call) });
    };
    let before = errno::get();
    let at_once = clock::to_timespec(0);
    let attempt = || {
        let result = restart::libc_call(|| call(&raw const at_once));
        if result != -1 || errno::get() != libc::EAGAIN || deadline == 0 {
            return Some(result);
        }
        if fails() {
            errno::set(libc::EAGAIN);
            return Some(-1);
        }
        errno::set(before);
        None
    };
    if let Some(result) = attempt() {
        return result;
    }
    let manner = Manner {
        cancellation,
        ends,
        deadline,
    };
    let error = match attempts::run(manner, attempt) {
        Outcome::Done(result) => return result,
        Outcome::MayBlock => 0,
        Outcome::Interrupted => libc::EINTR,
        Outcome::Timeout => libc::EAGAIN,
    };
    if error != 0 {
        errno::set(error);
        return -1;
    }
    restart::libc_call(|| {
        let call = || {
            let left =
                clock::until(deadline).map(|left| clock::to_timespec(left.as_nanos() as u64));
            call(left.as_ref().map_or(ptr::null(), ptr::from_ref))
        };
        turn::run_until(deadline, &turns::CALLS, cancellation, ends, call).unwrap_or_else(|| {
            let is_over = clock::now() >= deadline;
            errno::set(if is_over { libc::EAGAIN } else { libc::EINTR });
            -1
        })
    })
}
