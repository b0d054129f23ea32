//! Calls that wait, by number: those of which there is a function that parks, or takes a turn.

use core::ptr;

use super::syscall::Call;
use super::{
    batches, connections, epoll, message_queues, poll, receive, regions, select, send, sleep,
    splices,
};
use crate::signal::cancel;
use crate::sys::errno;
use crate::task::{Thread, arguments, green};

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
        // The kernel writes what is left of the time.
        libc::SYS_ppoll => c == 0 && (d == 0 || e == SET_BYTES),
        libc::SYS_select => e == 0 || arguments::is_readable(e as *const libc::timeval),
        _ => true,
    };
    if !is_functions {
        return None;
    }
    /// The function, which is no cancellation point here.
    macro_rules! function {
        ($function:path, $($argument:expr),*) => {
            // SAFETY: as the caller promises.
            errno::to_kernel(without_points(me, || unsafe { $function($($argument),*) } as isize))
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
        libc::SYS_ppoll => function!(poll::ppoll, a as _, b as _, ptr::null(), d as _),
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
        libc::SYS_clock_nanosleep => {
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
        libc::SYS_syncfs => function!(regions::syncfs, fd),
        libc::SYS_msgsnd => function!(regions::msgsnd, fd, b as _, c, d as i32),
        libc::SYS_msgrcv => function!(regions::msgrcv, fd, b as _, c, d as _, e as i32),
        libc::SYS_semop => function!(regions::semop, fd, b as _, c),
        libc::SYS_semtimedop => function!(regions::semtimedop, fd, b as _, c, d as _),
        _ => return None,
    })
}

/// Runs `act`, which is no cancellation point, unless `me`, the caller, can be cancelled anywhere.
fn without_points(me: &'static Thread, act: impl FnOnce() -> isize) -> isize {
    let tcb = me.tcb();
    let is_outermost = me.by_number.get() == 0;
    if !is_outermost || !tcb.allows_cancellation() || tcb.allows_cancellation_anywhere() {
        return act();
    }
    // A jump of a handler's beyond here ends it.
    let here = 0u8;
    let state = cancel::disable();
    me.by_number.set((&raw const here).addr());
    let result = act();
    me.by_number.set(0);
    cancel::restore(state);
    result
}
