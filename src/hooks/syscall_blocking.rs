//! Calls that wait, by number: those of which there is a function that parks, or takes a turn.

use core::ptr;

use libc::{sigset_t, timespec};

use super::syscall_call::Call;
use super::{
    batches, connections, epoll, message_queues, poll, receive, regions, select, send, sleep,
    splices,
};
use crate::signal::cancel;
use crate::sys::{clock, errno};
use crate::task::{arguments, green};

/// The size of the kernel's signal sets in bytes.
const SET_BYTES: usize = 8;

/// `call` of a green thread, if it is one of these: as the kernel would return it.
///
/// # Safety
/// The arguments are valid for the system call.
pub unsafe fn run(call: &Call) -> Option<isize> {
    let me = green()?;
    let [a, b, c, d, e, f] = call.arguments;
    let fd = a as i32;
    // What is not as the function has it is the kernel's affair.
    let is_functions = match call.number {
        libc::SYS_epoll_pwait | libc::SYS_epoll_pwait2 => e == 0 || f == SET_BYTES,
        libc::SYS_ppoll => is_time_or_null(c) && is_mask_or_null(d, e),
        libc::SYS_pselect6 => is_time_or_null(e) && mask_in(f).is_some(),
        libc::SYS_select => e == 0 || arguments::is_readable(e as *const libc::timeval),
        _ => true,
    };
    if !is_functions {
        return None;
    }
    /// The function, which is no cancellation point here.
    macro_rules! function {
        ($function:path, $($argument:expr),*) => {
            errno::to_kernel(cancel::without_points(me, || {
                // SAFETY: as the caller promises.
                unsafe { $function($($argument),*) as isize }
            }))
        };
    }
    Some(match call.number {
        libc::SYS_read => function!(receive::read, fd, b as _, c),
        libc::SYS_readv => function!(receive::readv, fd, b as _, c as i32),
        libc::SYS_preadv2 => function!(receive::preadv2, fd, b as _, c as i32, d as _, f as i32),
        libc::SYS_recvfrom => {
            function!(receive::recvfrom, fd, b as _, c, d as i32, e as _, f as _)
        }
        libc::SYS_recvmsg => function!(receive::recvmsg, fd, b as _, c as i32),
        libc::SYS_recvmmsg => {
            function!(batches::recvmmsg, fd, b as _, c as u32, d as i32, e as _)
        }
        libc::SYS_write => function!(send::write, fd, b as _, c),
        libc::SYS_writev => function!(send::writev, fd, b as _, c as i32),
        libc::SYS_pwritev2 => function!(send::pwritev2, fd, b as _, c as i32, d as _, f as i32),
        libc::SYS_sendto => function!(send::sendto, fd, b as _, c, d as i32, e as _, f as u32),
        libc::SYS_sendmsg => function!(send::sendmsg, fd, b as _, c as i32),
        libc::SYS_sendmmsg => function!(batches::sendmmsg, fd, b as _, c as u32, d as i32),
        libc::SYS_accept => function!(connections::accept, fd, b as _, c as _),
        libc::SYS_accept4 => function!(connections::accept4, fd, b as _, c as _, d as i32),
        libc::SYS_connect => function!(connections::connect, fd, b as _, c as u32),
        libc::SYS_poll => function!(poll::poll, a as _, b as _, c as i32),
        libc::SYS_ppoll => leaving_rest(c as _, |limit| {
            function!(poll::ppoll, a as _, b as _, limit, d as _)
        }),
        libc::SYS_pselect6 => leaving_rest(e as _, |limit| {
            // Seen above.
            let mask = mask_in(f).unwrap_or(ptr::null());
            function!(select::pselect, fd, b as _, c as _, d as _, limit, mask)
        }),
        libc::SYS_select => function!(select::select, fd, b as _, c as _, d as _, e as _),
        libc::SYS_epoll_wait => function!(epoll::epoll_wait, fd, b as _, c as i32, d as i32),
        libc::SYS_epoll_pwait => {
            function!(epoll::epoll_pwait, fd, b as _, c as i32, d as i32, e as _)
        }
        libc::SYS_epoll_pwait2 => {
            function!(epoll::epoll_pwait2, fd, b as _, c as i32, d as _, e as _)
        }
        libc::SYS_sendfile => function!(splices::sendfile, fd, b as i32, c as _, d),
        libc::SYS_splice => {
            function!(splices::splice, fd, b as _, c as i32, d as _, e, f as u32)
        }
        libc::SYS_tee => function!(splices::tee, fd, b as i32, c, d as u32),
        libc::SYS_vmsplice => function!(splices::vmsplice, fd, b as _, c, d as u32),
        libc::SYS_nanosleep => function!(sleep::nanosleep, a as _, b as _),
        // A clock that libc refuses, with another error than the kernel.
        libc::SYS_clock_nanosleep if fd != libc::CLOCK_THREAD_CPUTIME_ID => {
            // It returns the error.
            -function!(sleep::clock_nanosleep, fd, b as i32, c as _, d as _)
        }
        libc::SYS_mq_timedsend => {
            function!(
                message_queues::mq_timedsend,
                fd,
                b as _,
                c,
                d as u32,
                e as _
            )
        }
        libc::SYS_mq_timedreceive => {
            function!(
                message_queues::mq_timedreceive,
                fd,
                b as _,
                c,
                d as _,
                e as _
            )
        }
        libc::SYS_flock => function!(regions::flock, fd, b as i32),
        libc::SYS_fsync => function!(regions::fsync, fd),
        libc::SYS_fdatasync => function!(regions::fdatasync, fd),
        libc::SYS_sync => {
            cancel::without_points(me, || {
                // SAFETY: as the caller promises.
                unsafe { regions::sync() }
            });
            0
        }
        libc::SYS_syncfs => function!(regions::syncfs, fd),
        libc::SYS_msgsnd => function!(regions::msgsnd, fd, b as _, c, d as i32),
        libc::SYS_msgrcv => function!(regions::msgrcv, fd, b as _, c, d as _, e as i32),
        libc::SYS_semop => function!(regions::semop, fd, b as _, c),
        libc::SYS_semtimedop => function!(regions::semtimedop, fd, b as _, c, d as _),
        _ => return None,
    })
}

fn is_time_or_null(place: usize) -> bool {
    place == 0 || arguments::is_readable(place as *const timespec)
}

fn is_mask_or_null(place: usize, size: usize) -> bool {
    place == 0 || size == SET_BYTES && arguments::is_readable(place as *const u64)
}

/// The mask that the last argument of `pselect6` leads to, null for none; `None` if the kernel has to
/// refuse it.
fn mask_in(place: usize) -> Option<*const sigset_t> {
    let place = place as *const [usize; 2];
    if place.is_null() {
        return Some(ptr::null());
    }
    let is_there = arguments::is_readable(place);
    // SAFETY: just seen.
    let [mask, size] = is_there.then(|| unsafe { place.read_unaligned() })?;
    is_mask_or_null(mask, size).then_some(mask as *const sigset_t)
}

/// `call` with the time limit at `place`, null or seen to be there, where the kernel leaves what is left of
/// it (Linux, fs/select.c: `poll_select_finish`).
fn leaving_rest(place: *mut timespec, call: impl FnOnce(*const timespec) -> isize) -> isize {
    if place.is_null() {
        return call(ptr::null());
    }
    // SAFETY: as the caller says.
    let limit = unsafe { place.read_unaligned() };
    let deadline = clock::limit_of_time(Some(&limit));
    let result = call(&limit);
    // None is left of a mere look, nor of a time that is none.
    if let Some(deadline) = deadline.filter(|_| clock::to_nanos(&limit) > 0) {
        let left = clock::to_timespec(deadline.saturating_sub(clock::now()));
        // Where that cannot be written the call is no failure.
        // SAFETY: a time's place.
        let _ = unsafe { arguments::give(place, left) };
    }
    result
}
