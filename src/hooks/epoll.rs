//! The program's own epoll descriptors. They are pollable: a thread waits for one
//! as for any other descriptor.

use core::ffi::c_int;

use libc::{epoll_event, sigset_t, timespec};

use crate::hub::descriptor::Direction;
use crate::ops::Operation;
use crate::sched::blocking;
use crate::signal::{Watch, mask};
use crate::sys::clock::{self, Instant, MILLISECOND, NEVER};
use crate::sys::errno;
use crate::sys::raw::syscall;
use crate::sys::real::real;
use crate::thread::{Thread, cancel, green};

const EAGAIN: isize = -(libc::EAGAIN as isize);

/// # Safety
/// As for `epoll_wait`.
unsafe fn wait(
    me: &'static Thread,
    epoll: c_int,
    events: *mut epoll_event,
    count: c_int,
    deadline: Instant,
    watch: &Watch,
) -> isize {
    let call = |timeout: c_int| {
        // SAFETY: as the caller promises; the kernel refuses what is no array.
        unsafe {
            syscall!(
                SYS_epoll_pwait,
                epoll,
                events,
                count,
                timeout,
                0usize,
                0usize
            )
        }
    };
    let first = call(0);
    if first != 0 || deadline <= clock::now() {
        return first;
    }
    let native = || {
        let left = clock::until(deadline).map_or(-1, |left| {
            left.as_nanos().div_ceil(MILLISECOND.into()) as c_int
        });
        call(left)
    };
    let Some(operation) = Operation::new(me, epoll, Direction::Read) else {
        return blocking::region(native);
    };
    let result = operation.until(deadline, *watch).run(
        |entry, _| match call(0) {
            0 => EAGAIN,
            result => {
                entry.pass_on(Direction::Read);
                result
            }
        },
        native,
    );
    // Nothing but the deadline ends the wait so.
    if result == EAGAIN { 0 } else { result }
}

fn deadline_of_millis(timeout: c_int) -> Instant {
    match u64::try_from(timeout) {
        Err(_) => NEVER,
        Ok(0) => 0,
        Ok(millis) => clock::after(millis * MILLISECOND),
    }
}

export! {
    /// `epoll_wait(2)`: `timeout` in milliseconds, negative for ever.
    fn epoll_wait(epoll: c_int, events: *mut epoll_event, count: c_int, timeout: c_int) -> c_int {
        let Some(me) = green() else {
            let real = real!(epoll_wait: unsafe extern "C-unwind" fn(c_int, *mut epoll_event, c_int, c_int) -> c_int);
            // SAFETY: as the caller promises.
            return unsafe { real(epoll, events, count, timeout) };
        };
        cancel::point();
        // SAFETY: as the caller promises.
        errno::to_libc(unsafe { wait(me, epoll, events, count, deadline_of_millis(timeout), &Watch::new(me)) }) as c_int
    }

    /// `epoll_pwait(2)`.
    fn epoll_pwait(
        epoll: c_int,
        events: *mut epoll_event,
        count: c_int,
        timeout: c_int,
        set: *const sigset_t,
    ) -> c_int {
        let Some(me) = green() else {
            type Real = unsafe extern "C-unwind" fn(
                c_int, *mut epoll_event, c_int, c_int, *const sigset_t,
            ) -> c_int;
            let real = real!(epoll_pwait: Real);
            // SAFETY: as the caller promises.
            return unsafe { real(epoll, events, count, timeout, set) };
        };
        cancel::point();
        let deadline = deadline_of_millis(timeout);
        // SAFETY: as the caller promises.
        let set = unsafe { set.cast::<u64>().as_ref() }.copied();
        // SAFETY: as the caller promises.
        let result = mask::during(me, set, |watch| unsafe { wait(me, epoll, events, count, deadline, watch) });
        errno::to_libc(result) as c_int
    }

    /// `epoll_pwait2(2)`.
    unchecked fn epoll_pwait2(
        epoll: c_int,
        events: *mut epoll_event,
        count: c_int,
        timeout: *const timespec,
        set: *const sigset_t,
    ) -> c_int {
        let Some(me) = green() else {
            type Real = unsafe extern "C-unwind" fn(
                c_int, *mut epoll_event, c_int, *const timespec, *const sigset_t,
            ) -> c_int;
            let real = real!(epoll_pwait2: Real);
            // SAFETY: as the caller promises.
            return unsafe { real(epoll, events, count, timeout, set) };
        };
        cancel::point();
        // SAFETY: as the caller promises.
        let (timeout, set) = unsafe { (timeout.as_ref(), set.cast::<u64>().as_ref().copied()) };
        let deadline = match timeout {
            None => NEVER,
            Some(time) if !clock::is_valid(time) || time.tv_sec < 0 => {
                errno::set(libc::EINVAL);
                return -1;
            }
            Some(time) => match clock::to_nanos(time) {
                0 => 0,
                nanos => clock::after(nanos),
            },
        };
        // SAFETY: as the caller promises.
        let result = mask::during(me, set, |watch| unsafe { wait(me, epoll, events, count, deadline, watch) });
        errno::to_libc(result) as c_int
    }
}
