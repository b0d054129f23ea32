//! Reads and writes on what is no socket, and calls that a look comes before.

use libc::iovec;

use super::{EAGAIN, Operation};
use crate::hub::class::Class;
use crate::hub::descriptor::{Descriptor, Direction};
use crate::sys::raw::syscall;
use crate::thread::{Critical, Thread};

const EOPNOTSUPP: isize = -(libc::EOPNOTSUPP as isize);

/// A read or write on what is no socket, tried with `RWF_NOWAIT`; `native` is the
/// plain call.
///
/// # Safety
/// `vectors` are `count` buffers as for `preadv2` or `pwritev2`.
pub(super) unsafe fn transfer(
    me: &'static Thread,
    fd: i32,
    class: Option<Class>,
    direction: Direction,
    vectors: *const iovec,
    count: i32,
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
                // SAFETY: as the caller promises.
                result = unsafe { no_wait(fd, direction, vectors, count) };
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

/// A transfer at the file's own position that does not wait.
unsafe fn no_wait(fd: i32, direction: Direction, vectors: *const iovec, count: i32) -> isize {
    const HERE: isize = -1;
    // SAFETY: as the caller promises.
    unsafe {
        match direction {
            Direction::Read => {
                syscall!(
                    SYS_preadv2,
                    fd,
                    vectors,
                    count,
                    HERE,
                    HERE,
                    libc::RWF_NOWAIT
                )
            }
            Direction::Write => {
                syscall!(
                    SYS_pwritev2,
                    fd,
                    vectors,
                    count,
                    HERE,
                    HERE,
                    libc::RWF_NOWAIT
                )
            }
        }
    }
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
