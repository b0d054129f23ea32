//! POSIX message queues. Tried with a time limit that is over: `ETIMEDOUT` is what
//! `EAGAIN` is elsewhere.

use libc::timespec;

use super::{EAGAIN, Operation, pass_on};
use crate::hub::descriptor::Direction;
use crate::signal::restart;
use crate::sys::clock::{self, NEVER};
use crate::task::{Thread, arguments};

const ETIMEDOUT: isize = -(libc::ETIMEDOUT as isize);

/// One of the calls on `queue`, carried out by `call` with a limit on `CLOCK_REALTIME`,
/// which is null or the program's.
///
/// # Safety
/// `limit` is null or for a `timespec`.
pub unsafe fn run(
    me: &'static Thread,
    queue: i32,
    direction: Direction,
    limit: *const timespec,
    call: impl Fn(*const timespec) -> isize,
) -> isize {
    let deadline = if limit.is_null() {
        NEVER
    } else if arguments::is_readable(limit) {
        // SAFETY: just seen.
        let time = unsafe { limit.read_unaligned() };
        if !clock::is_valid(&time) || time.tv_sec < 0 {
            return call(limit);
        }
        clock::deadline(libc::CLOCK_REALTIME, &time)
    } else {
        return call(limit);
    };
    let native = || call(limit);
    let Some(operation) = Operation::new(me, queue, direction) else {
        return restart::in_region(native);
    };
    let mut operation = operation.limited(deadline);
    let result = operation.run(
        |entry, _| match call(&clock::PAST) {
            ETIMEDOUT => EAGAIN,
            result => {
                if result != EAGAIN {
                    pass_on(entry, direction);
                }
                result
            }
        },
        native,
    );
    if result == EAGAIN && !operation.entry.is_nonblocking(queue) {
        return ETIMEDOUT;
    }
    result
}
