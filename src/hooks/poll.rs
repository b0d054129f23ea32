//! `poll` and `ppoll`.

use core::ffi::c_int;
use core::slice;

use libc::{nfds_t, pollfd, sigset_t, size_t, timespec};

use super::symbol::{alias, check};
use crate::glibc::real::real;
use crate::ops::poll::{self, Interest};
use crate::ops::sleep;
use crate::sched::park;
use crate::signal::{Watch, cancel, mask, restart};
use crate::sys::clock::{self, Instant};
use crate::sys::errno;
use crate::sys::raw::syscall;
use crate::task::{Thread, green};

unsafe extern "C-unwind" {
    /// Ends a program that asks for more than its buffer holds.
    fn __chk_fail() -> !;
}

fn interests(fds: &[pollfd]) -> impl Iterator<Item = Interest> + Clone {
    fds.iter().filter(|entry| entry.fd >= 0).map(|entry| {
        let wants = |bits: i16| entry.events & bits != 0;
        let read = wants(
            libc::POLLIN | libc::POLLRDNORM | libc::POLLRDBAND | libc::POLLPRI | libc::POLLRDHUP,
        );
        let write = wants(libc::POLLOUT | libc::POLLWRNORM | libc::POLLWRBAND);
        // Hang-ups and errors are told unasked, in both directions.
        Interest {
            fd: entry.fd,
            read: read || !write,
            write,
        }
    })
}

/// `in_kernel`: the thread may do so in the kernel. Not if the call sets a signal mask: to set
/// it and to wait would not be one step.
///
/// # Safety
/// As for `poll`.
unsafe fn wait(
    me: &'static Thread,
    fds: *mut pollfd,
    count: nfds_t,
    deadline: Instant,
    watch: &Watch,
    in_kernel: bool,
) -> isize {
    // SAFETY: as the caller promises; the kernel refuses what is no array.
    let probe = || restart::kernel_call(|| unsafe { syscall!(SYS_poll, fds, count, 0) });
    let native = || {
        let left = clock::millis_until(deadline) as usize;
        let arguments = [fds.addr(), count as usize, left, 0, 0, 0];
        // SAFETY: as above.
        unsafe { cancel::waiting_call(libc::SYS_poll, arguments) }
    };
    // SAFETY: called when the kernel has read and written the whole array.
    let array = || unsafe { slice::from_raw_parts(fds, count as usize) };
    let in_kernel = in_kernel && count > 0;
    // Who had to wait the last time does not look first.
    let looks = !in_kernel || !me.event_loop.waits.get() || deadline <= clock::now();
    let looked = |result: isize| {
        (result != 0 || deadline <= clock::now()).then(|| {
            park::spend(me);
            result
        })
    };
    if looks && let Some(result) = looked(probe()) {
        return result;
    }
    if count == 0 {
        return if sleep::until(me, deadline, watch) {
            0
        } else {
            -(libc::EINTR as isize)
        };
    }
    if in_kernel && let Some(result) = poll::alone(me, watch, native) {
        if result > 0 {
            let ready = array().iter().filter(|entry| entry.revents != 0);
            poll::forget_ready(ready.map(|entry| entry.fd));
        }
        return result;
    }
    if !looks && let Some(result) = looked(probe()) {
        return result;
    }
    let array = array();
    poll::any(me, interests(array), deadline, watch, probe, native)
}

/// `poll(2)`: `timeout` in milliseconds, negative for ever.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn poll(fds: *mut pollfd, count: nfds_t, timeout: c_int) -> c_int {
    let Some(me) = green() else {
        let real = real!(poll(_, _, _));
        // SAFETY: as the caller promises.
        return restart::within_millis(timeout, |timeout| unsafe { real(fds, count, timeout) });
    };
    cancel::point();
    let deadline = clock::limit_of_millis(timeout);
    // SAFETY: as the caller promises.
    errno::to_libc(unsafe { wait(me, fds, count, deadline, &Watch::new(me), true) }) as c_int
}
check!(poll(_, _, _));

alias!(__poll = poll);

/// `ppoll(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn ppoll(
    fds: *mut pollfd,
    count: nfds_t,
    timeout: *const timespec,
    set: *const sigset_t,
) -> c_int {
    let native = || {
        let real = real!(ppoll(_, _, _, _));
        // SAFETY: as the caller promises.
        unsafe { restart::within(timeout, |timeout| real(fds, count, timeout, set)) }
    };
    let Some(me) = green() else {
        return mask::natively(set, native);
    };
    cancel::point();
    let Ok(set) = mask::read(set) else {
        return native();
    };
    // SAFETY: as the caller promises; libc, too, looks there itself.
    let Some(deadline) = clock::limit_of_time(unsafe { timeout.as_ref() }) else {
        errno::set(libc::EINVAL);
        return -1;
    };
    let in_kernel = set.is_none();
    // SAFETY: as the caller promises.
    let result = mask::during(me, set, |watch| unsafe {
        wait(me, fds, count, deadline, watch, in_kernel)
    });
    errno::to_libc(result) as c_int
}
check!(ppoll(_, _, _, _));

/// What `poll` is with `_FORTIFY_SOURCE`; `room` in bytes.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn __poll_chk(
    fds: *mut pollfd,
    count: nfds_t,
    timeout: c_int,
    room: size_t,
) -> c_int {
    // SAFETY: as the caller promises, if the array is within the room.
    unsafe {
        if room / size_of::<pollfd>() < count as usize {
            __chk_fail()
        } else {
            poll(fds, count, timeout)
        }
    }
}

/// What `ppoll` is with `_FORTIFY_SOURCE`; `room` in bytes.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn __ppoll_chk(
    fds: *mut pollfd,
    count: nfds_t,
    timeout: *const timespec,
    set: *const sigset_t,
    room: size_t,
) -> c_int {
    // SAFETY: as the caller promises, if the array is within the room.
    unsafe {
        if room / size_of::<pollfd>() < count as usize {
            __chk_fail()
        } else {
            ppoll(fds, count, timeout, set)
        }
    }
}
