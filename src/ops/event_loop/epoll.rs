//! `epoll_wait` and its kin. The program's epoll descriptors are pollable: a thread waits for
//! one as for any other descriptor.

use libc::epoll_event;

use super::Wait;
use crate::hub::descriptor::{self, Direction};
use crate::ops::{EAGAIN, Operation, pass_on};
use crate::signal::{cancel, restart, signalfd};
use crate::sys::clock;
use crate::sys::raw::syscall;

/// Waits for up to `count` events of the descriptor `epoll`.
///
/// # Safety
/// As for `epoll_wait`.
pub unsafe fn until_ready(wait: &Wait, epoll: i32, events: *mut epoll_event, count: i32) -> isize {
    // SAFETY: as the caller promises.
    signalfd::awaited(wait.me, || unsafe { wait_for(wait, epoll, events, count) })
}

/// [`until_ready`].
///
/// # Safety
/// As for `epoll_wait`.
unsafe fn wait_for(wait: &Wait, epoll: i32, events: *mut epoll_event, count: i32) -> isize {
    // SAFETY: as the caller promises; the kernel refuses what is no array.
    let ask = || unsafe { syscall!(SYS_epoll_pwait, epoll, events, count, 0, 0usize, 0usize) };
    let look = || {
        if signalfd::has_own(wait.me) {
            // Who watches it in the hub sees nothing of what the caller alone would find, and the kernel forgets
            // that there was something.
            forget(epoll);
        }
        restart::kernel_call(|| signalfd::look(wait.me, ask))
    };
    let in_kernel = || {
        let left = clock::millis_until(wait.deadline) as usize;
        let arguments = [epoll as usize, events.addr(), count as usize, left, 0, 0];
        // SAFETY: as above.
        unsafe { cancel::waiting_call(libc::SYS_epoll_pwait, arguments) }
    };
    if wait.looks_first()
        && let Some(result) = wait.look(look)
    {
        return result;
    }
    let alone = || {
        forget(epoll);
        in_kernel()
    };
    if let Some(result) = wait.alone(alone) {
        return result;
    }
    let Some(operation) = Operation::new(wait.me, epoll, Direction::Read) else {
        return restart::in_region(in_kernel);
    };
    let result = operation.until(wait.deadline, wait.watch).run(
        |entry, _| match look() {
            0 => EAGAIN,
            result => {
                pass_on(entry, Direction::Read);
                result
            }
        },
        in_kernel,
    );
    // Nothing but the deadline ends the wait so.
    if result == EAGAIN { 0 } else { result }
}

/// The hub need not watch the descriptor `epoll`, as long as nobody waits for it there.
fn forget(epoll: i32) {
    if let Some(entry) = descriptor::get(epoll) {
        entry.unregister_if_idle(epoll);
    }
}
