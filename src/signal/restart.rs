//! Starting calls again that the kernel has ended with `EINTR` for nothing.
//!
//! A thread that waits in the kernel, in a blocking region or on a kernel thread of its own,
//! is interrupted by more than its handlers: by errands and requests of the runtime's, and by
//! signals that another thread handles ([`delivery`](super::delivery)). The kernel starts
//! none of the calls again that have a time limit, nor `poll`, `semop` and the others that
//! signal(7) names; a mere look (`poll` with a time limit of 0) fails so, too. Here they are,
//! unless a handler has run on the thread since they began.

use core::ptr;

use libc::timespec;

use super::socket_wait::{Act, SocketWait};
use super::{Watch, actions, adopt, cancel};
use crate::sched::blocking;
use crate::sys::clock;
use crate::sys::errno;
use crate::task::current;

const EINTR: isize = -(libc::EINTR as isize);

impl Watch {
    /// Whether a call that a signal has ended is over.
    pub fn ends_call(&self) -> bool {
        // Where nobody but the kernel knows whether a handler has run, it has ended the call.
        !actions::are_known() || self.handled()
    }
}

/// [`kernel_call`] in a blocking region.
pub fn in_region(call: impl FnMut() -> isize) -> isize {
    blocking::region(|| adopt::raised(kernel_call(call)))
}

/// `call`, which returns what the kernel does, until it ends for a reason of its own.
pub fn kernel_call(call: impl FnMut() -> isize) -> isize {
    until_over(call, |result| *result == EINTR, |_| Ok(()))
}

/// `call`, which returns -1 and sets `errno`, until it ends for a reason of its own.
pub fn libc_call<R: From<i8> + PartialEq>(call: impl FnMut() -> R) -> R {
    until_over(call, is_interrupted, |_| Ok(()))
}

/// [`in_region`], for what may wait at the socket `fd` to do that.
pub fn socket_in_region(fd: i32, act: Act, call: impl FnMut() -> isize) -> isize {
    blocking::region(|| {
        let wait = SocketWait::new(fd, act);
        adopt::raised(until_over(
            call,
            |result| *result == EINTR,
            |watch| wait.await_rest(watch),
        ))
    })
}

/// [`libc_call`], for what may wait at the socket `fd` to do that.
pub fn socket_call<R: From<i8> + PartialEq>(fd: i32, act: Act, call: impl FnMut() -> R) -> R {
    let wait = SocketWait::new(fd, act);
    let rest = |watch: &Watch| {
        wait.await_rest(watch).map_err(|error| {
            errno::set(-error as i32);
            R::from(-1)
        })
    };
    until_over(call, is_interrupted, rest)
}

/// `call` until it ends for a reason of its own; where it does not, it is made again after `rest`, unless
/// that has the result.
fn until_over<R>(
    mut call: impl FnMut() -> R,
    is_interrupted: impl Fn(&R) -> bool,
    rest: impl Fn(&Watch) -> Result<(), R>,
) -> R {
    let watch = Watch::new(current());
    loop {
        let result = call();
        if !is_interrupted(&result) || watch.ends_call() {
            return result;
        }
        cancel::anywhere();
        if let Err(result) = rest(&watch) {
            return result;
        }
    }
}

/// [`libc_call`] with a time limit from now on, which `call` gets: `limit`, which may be
/// null, and what is left of it later.
///
/// # Safety
/// `call` fails with `EINTR` only where `limit` is null or was a valid time.
pub unsafe fn within<R: From<i8> + PartialEq>(
    limit: *const timespec,
    mut call: impl FnMut(*const timespec) -> R,
) -> R {
    let begun = clock::now();
    let mut left = None;
    libc_call(|| {
        let result = call(left.as_ref().map_or(limit, ptr::from_ref));
        if !limit.is_null() && is_interrupted(&result) {
            // SAFETY: as the caller promises.
            let whole = unsafe { limit.read_unaligned() };
            let deadline = begun.saturating_add(clock::to_nanos(&whole));
            left = Some(clock::to_timespec(deadline.saturating_sub(clock::now())));
        }
        result
    })
}

/// [`libc_call`] with a time limit in milliseconds, negative for none.
pub fn within_millis<R: From<i8> + PartialEq>(limit: i32, mut call: impl FnMut(i32) -> R) -> R {
    let Ok(millis) = u64::try_from(limit) else {
        return libc_call(|| call(limit));
    };
    let deadline = clock::after(millis * clock::MILLISECOND);
    let mut left = limit;
    libc_call(|| {
        let result = call(left);
        left = deadline
            .saturating_sub(clock::now())
            .div_ceil(clock::MILLISECOND) as i32;
        result
    })
}

fn is_interrupted<R: From<i8> + PartialEq>(result: &R) -> bool {
    *result == R::from(-1) && errno::get() == libc::EINTR
}
