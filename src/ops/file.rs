//! Reads and writes on what is no socket.

use libc::iovec;

use super::{EAGAIN, Operation, pass_on};
use crate::hub::class::Class;
use crate::hub::descriptor::{Descriptor, Direction};
use crate::signal::restart;
use crate::sys::raw::{is_refused, syscall};
use crate::task::Thread;

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
            if entry.can_skip_waiting(fd, direction) {
                // SAFETY: as the caller promises.
                result = unsafe { no_wait(fd, direction, vectors, count) };
            }
            if result == EOPNOTSUPP || is_refused(result) {
                entry.cannot_skip_waiting(direction);
                result = when_ready(entry, fd, direction, &native);
            }
            if result != EAGAIN {
                pass_on(entry, direction);
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

/// `native` if a look says that it will not block. It may yet: another thread or process
/// was faster, or a terminal takes its time over what it has been given. So nothing is
/// held meanwhile, and signals are handled.
fn when_ready(
    entry: &Descriptor,
    fd: i32,
    direction: Direction,
    native: impl Fn() -> isize,
) -> isize {
    if entry.is_nonblocking(fd) {
        native()
    } else if !is_ready(fd, direction) {
        EAGAIN
    } else if direction == Direction::Write {
        // A terminal that takes a byte makes the caller wait until it has all.
        restart::in_region(native)
    } else {
        native()
    }
}

/// What a look at `fd` says: yes where it is not to be had, so that the caller goes on to a
/// call that waits.
pub(super) fn is_ready(fd: i32, direction: Direction) -> bool {
    let events = match direction {
        Direction::Read => libc::POLLIN,
        Direction::Write => libc::POLLOUT,
    };
    let mut look = libc::pollfd {
        fd,
        events,
        revents: 0,
    };
    // SAFETY: `look` is live.
    let result = unsafe { syscall!(SYS_poll, &raw mut look, 1, 0) };
    result > 0 || is_refused(result)
}
