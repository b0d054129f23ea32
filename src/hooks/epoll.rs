//! The program's own epoll descriptors. They are pollable: a thread waits for one
//! as for any other descriptor.

use core::ffi::c_int;

use libc::{epoll_event, sigset_t, timespec};

use super::symbol::check;
use crate::glibc::real::real;
use crate::hub::descriptor::{self, Direction};
use crate::ops::{Operation, pass_on, poll};
use crate::sched::park;
use crate::signal::{Watch, cancel, mask, restart};
use crate::sys::clock::{self, Instant};
use crate::sys::errno;
use crate::sys::raw::syscall;
use crate::task::{Thread, arguments, green};

const EAGAIN: isize = -(libc::EAGAIN as isize);

/// `in_kernel`: the thread may do so in the kernel. Not if the call sets a signal mask: to set
/// it and to wait would not be one step.
///
/// # Safety
/// As for `epoll_wait`.
unsafe fn wait(
    me: &'static Thread,
    epoll: c_int,
    events: *mut epoll_event,
    count: c_int,
    deadline: Instant,
    watch: &Watch,
    in_kernel: bool,
) -> isize {
    let look = || {
        // SAFETY: as the caller promises; the kernel refuses what is no array.
        restart::kernel_call(|| unsafe {
            syscall!(SYS_epoll_pwait, epoll, events, count, 0, 0usize, 0usize)
        })
    };
    let native = || {
        let left = clock::millis_until(deadline);
        let arguments = [
            epoll as usize,
            events.addr(),
            count as usize,
            left as usize,
            0,
            0,
        ];
        // SAFETY: as above.
        unsafe { cancel::waiting_call(libc::SYS_epoll_pwait, arguments) }
    };
    // Who had to wait the last time does not look first.
    if !in_kernel || !me.event_loop.waits.get() || deadline <= clock::now() {
        let first = look();
        if first != 0 || deadline <= clock::now() {
            park::spend(me);
            return first;
        }
    }
    let alone = || {
        if let Some(entry) = descriptor::get(epoll) {
            entry.unregister_if_idle(epoll);
        }
        native()
    };
    if in_kernel && let Some(result) = poll::alone(me, watch, alone) {
        return result;
    }
    let Some(operation) = Operation::new(me, epoll, Direction::Read) else {
        return restart::in_region(native);
    };
    let result = operation.until(deadline, *watch).run(
        |entry, _| match look() {
            0 => EAGAIN,
            result => {
                pass_on(entry, Direction::Read);
                result
            }
        },
        native,
    );
    // Nothing but the deadline ends the wait so.
    if result == EAGAIN { 0 } else { result }
}

/// `epoll_wait(2)`: `timeout` in milliseconds, negative for ever.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn epoll_wait(
    epoll: c_int,
    events: *mut epoll_event,
    count: c_int,
    timeout: c_int,
) -> c_int {
    let Some(me) = green() else {
        let real = real!(epoll_wait(_, _, _, _));
        // SAFETY: as the caller promises.
        return restart::within_millis(timeout, |timeout| unsafe {
            real(epoll, events, count, timeout)
        });
    };
    cancel::point();
    // SAFETY: as the caller promises.
    errno::to_libc(unsafe {
        wait(
            me,
            epoll,
            events,
            count,
            clock::limit_of_millis(timeout),
            &Watch::new(me),
            true,
        )
    }) as c_int
}
check!(epoll_wait(_, _, _, _));

/// `epoll_pwait(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn epoll_pwait(
    epoll: c_int,
    events: *mut epoll_event,
    count: c_int,
    timeout: c_int,
    set: *const sigset_t,
) -> c_int {
    let native = || {
        let real = real!(epoll_pwait(_, _, _, _, _));
        // SAFETY: as the caller promises.
        restart::within_millis(timeout, |timeout| unsafe {
            real(epoll, events, count, timeout, set)
        })
    };
    let Some(me) = green() else {
        return mask::natively(set, native);
    };
    cancel::point();
    let Ok(set) = mask::read(set) else {
        return native();
    };
    let deadline = clock::limit_of_millis(timeout);
    let in_kernel = set.is_none();
    // SAFETY: as the caller promises.
    let result = mask::during(me, set, |watch| unsafe {
        wait(me, epoll, events, count, deadline, watch, in_kernel)
    });
    errno::to_libc(result) as c_int
}
check!(epoll_pwait(_, _, _, _, _));

/// `epoll_pwait2(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn epoll_pwait2(
    epoll: c_int,
    events: *mut epoll_event,
    count: c_int,
    timeout: *const timespec,
    set: *const sigset_t,
) -> c_int {
    let native = || {
        let real = real!(epoll_pwait2(_, _, _, _, _));
        // SAFETY: as the caller promises.
        unsafe { restart::within(timeout, |timeout| real(epoll, events, count, timeout, set)) }
    };
    let Some(me) = green() else {
        return mask::natively(set, native);
    };
    cancel::point();
    if !timeout.is_null() && !arguments::is_readable(timeout) {
        return native();
    }
    let Ok(set) = mask::read(set) else {
        return native();
    };
    // SAFETY: null or readable.
    let Some(deadline) = clock::limit_of_time(unsafe { timeout.as_ref() }) else {
        errno::set(libc::EINVAL);
        return -1;
    };
    // The kernel is asked in milliseconds below.
    // SAFETY: as the caller promises.
    let result = mask::during(me, set, |watch| unsafe {
        wait(me, epoll, events, count, deadline, watch, false)
    });
    errno::to_libc(result) as c_int
}
check!(epoll_pwait2(_, _, _, _, _));
