//! Reads and writes on what is no socket.

use libc::iovec;

use super::{EAGAIN, IN_KERNEL, Operation, pass_on};
use crate::arch::system_call::syscall6;
use crate::hub::class::Class;
use crate::hub::descriptor::{Descriptor, Direction};
use crate::sched::park;
use crate::signal::{cancel, restart};
use crate::sys::raw::{is_refused, syscall};
use crate::sys::terminal;
use crate::task::Thread;

const EOPNOTSUPP: isize = -(libc::EOPNOTSUPP as isize);

/// The program's own system call: its number, its arguments, and whether a part of what the
/// program wants has gone through before.
pub(super) struct Call(pub i64, pub [usize; 3], pub bool);

impl Call {
    /// Makes it.
    ///
    /// # Safety
    /// The arguments are valid for it.
    unsafe fn make(&self) -> isize {
        let Self(number, [a, b, c], _) = *self;
        // SAFETY: as the caller promises.
        unsafe { syscall6(number, a, b, c, 0, 0, 0) }
    }

    /// Makes it where it may wait, and be cancelled.
    ///
    /// # Safety
    /// The arguments are valid for it.
    unsafe fn wait(&self) -> isize {
        let Self(number, [a, b, c], _) = *self;
        // SAFETY: as the caller promises.
        unsafe { cancel::waiting_call(number, [a, b, c, 0, 0, 0]) }
    }
}

/// A read or write on what is no socket, tried with `RWF_NOWAIT`; `call` is the plain one.
///
/// # Safety
/// `vectors` are `count` buffers as for `preadv2` or `pwritev2`, and `call` is valid.
pub(super) unsafe fn transfer(
    me: &'static Thread,
    fd: i32,
    class: Option<Class>,
    direction: Direction,
    vectors: *const iovec,
    count: i32,
    call: Call,
) -> isize {
    // SAFETY: as the caller promises.
    let native = || unsafe { call.make() };
    if matches!(class, None | Some(Class::Disk)) {
        park::count_operation(me);
        return native();
    }
    let Some(operation) = Operation::new(me, fd, direction) else {
        return native();
    };
    operation.after(call.2).run(
        |entry, _| {
            let mut result = EOPNOTSUPP;
            if entry.can_skip_waiting(fd, direction) {
                // SAFETY: as the caller promises.
                result = unsafe { no_wait(fd, direction, vectors, count) };
            }
            if result == EOPNOTSUPP || is_refused(result) {
                entry.cannot_skip_waiting(direction);
                result = when_ready(entry, fd, direction, native);
            }
            if !matches!(result, EAGAIN | IN_KERNEL) {
                pass_on(entry, direction);
            }
            result
        },
        // SAFETY: as the caller promises.
        || unsafe { call.wait() },
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
/// held meanwhile, and signals are handled. Of a terminal a look does not always tell.
fn when_ready(
    entry: &Descriptor,
    fd: i32,
    direction: Direction,
    native: impl Fn() -> isize,
) -> isize {
    if entry.is_nonblocking(fd) {
        native()
    } else if !is_ready(fd, direction) {
        if direction == Direction::Read && terminal::reads_unasked(fd) {
            IN_KERNEL
        } else {
            EAGAIN
        }
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
