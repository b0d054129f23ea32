//! Looks at descriptors, by a `poll` that does not wait.

use crate::hub::descriptor::Direction;
use crate::sys::raw::{is_refused, syscall};

/// Whether a look at `fd`, a socket, says that nothing more will come.
pub(super) fn is_shut_down(fd: i32) -> bool {
    look(fd, libc::POLLRDHUP) > 0
}

/// Whether a look at `fd`, a socket, says that nothing more will come, or something urgent has, beyond
/// which no call reads.
pub(super) fn ends_here(fd: i32) -> bool {
    look(fd, libc::POLLRDHUP | libc::POLLPRI) > 0
}

/// Whether a look at `fd`, a socket, says that an error waits there, or nothing goes either way.
pub(super) fn is_broken(fd: i32) -> bool {
    look(fd, 0) > 0
}

/// What comes of a socket's stream.
pub(super) enum Ending {
    /// More, as far as is known.
    None,
    /// An error, or notifications (MSG_ERRQUEUE).
    Error,
    /// Nothing more.
    End,
}

/// What a look at `fd`, a socket, says of what will come.
pub(super) fn ending(fd: i32) -> Ending {
    const END: i16 = libc::POLLRDHUP | libc::POLLHUP;
    match found(fd, libc::POLLRDHUP) {
        Ok(0) => Ending::None,
        Ok(found) if found & END != 0 => Ending::End,
        _ => Ending::Error,
    }
}

/// What a `poll` of `fd` for `events` says that does not wait.
fn look(fd: i32, events: i16) -> isize {
    found(fd, events).map_or_else(|error| error, |found| isize::from(found != 0))
}

/// What a `poll` of `fd` for `events` finds that does not wait; an error is `-errno`.
fn found(fd: i32, events: i16) -> Result<i16, isize> {
    let mut look = libc::pollfd {
        fd,
        events,
        revents: 0,
    };
    // SAFETY: `look` is live.
    match unsafe { syscall!(SYS_poll, &raw mut look, 1, 0) } {
        0.. => Ok(look.revents),
        error => Err(error),
    }
}

/// What a look at `fd` says: yes where it is not to be had, so that the caller goes on to a
/// call that waits.
pub(super) fn is_ready(fd: i32, direction: Direction) -> bool {
    let events = match direction {
        Direction::Read => libc::POLLIN,
        Direction::Write => libc::POLLOUT,
    };
    let result = look(fd, events);
    result > 0 || is_refused(result)
}
