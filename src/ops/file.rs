//! Reads and writes on what is no socket, and calls that a look comes before.

use super::{EAGAIN, Operation};
use crate::hub::class::Class;
use crate::hub::descriptor::{Descriptor, Direction};
use crate::sys::raw::syscall;
use crate::thread::{Critical, Thread};

const EOPNOTSUPP: isize = -(libc::EOPNOTSUPP as isize);

/// A read or write on what is no socket: `attempt` uses `RWF_NOWAIT`, `native` is
/// the plain call.
pub(super) fn transfer(
    me: &'static Thread,
    fd: i32,
    class: Option<Class>,
    direction: Direction,
    attempt: impl Fn() -> isize,
    native: impl Fn() -> isize,
) -> isize {
    if matches!(class, None | Some(Class::Disk)) {
        return native();
    }
    let Some(mut operation) = Operation::new(me, fd, direction) else {
        return native();
    };
    operation.run(
        |entry, _| {
            let mut result = EOPNOTSUPP;
            if entry.class(fd) == Class::NoWait {
                result = attempt();
            }
            if result == EOPNOTSUPP {
                entry.reclassify(Class::PollFirst);
                result = when_ready(entry, fd, direction, &native);
            }
            if result != EAGAIN {
                entry.pass_on(direction);
            }
            result
        },
        &native,
    )
}

/// `native` if a look says that it will not block. One thread at a time: between
/// the look and the call nobody else of this process takes what there is.
pub(super) fn when_ready(
    entry: &Descriptor,
    fd: i32,
    direction: Direction,
    native: impl Fn() -> isize,
) -> isize {
    if entry.is_nonblocking(fd) {
        return native();
    }
    let events = if direction == Direction::Read {
        libc::POLLIN
    } else {
        libc::POLLOUT
    };
    let mut look = libc::pollfd {
        fd,
        events,
        revents: 0,
    };
    let _critical = Critical::enter();
    entry.turn.lock();
    // SAFETY: `look` is live.
    let ready = unsafe { syscall!(SYS_poll, &raw mut look, 1, 0) };
    let result = if ready > 0 { native() } else { EAGAIN };
    entry.turn.unlock();
    result
}
