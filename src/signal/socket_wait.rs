//! Calls on sockets that the kernel has ended with `EINTR` for nothing, and that have a time limit by
//! `SO_RCVTIMEO` or `SO_SNDTIMEO`: begun anew they would have all of it again, and never end beside a timer.

use libc::pollfd;

use super::{Watch, actions, cancel};
use crate::sys::clock::{self, Instant};
use crate::sys::socket;

const EINTR: isize = -(libc::EINTR as isize);
const EAGAIN: isize = -(libc::EAGAIN as isize);

/// What a call does, as far as that says how its wait ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Receives, or accepts.
    Receive,
    /// Sends.
    Send,
    /// Connects.
    Connect,
}

/// A call on a socket, or on something else, from its beginning on.
pub struct SocketWait {
    fd: i32,
    act: Act,
    begun: Instant,
}

impl SocketWait {
    /// That of a call on `fd` that begins now.
    #[inline]
    pub fn new(fd: i32, act: Act) -> Self {
        // Otherwise nothing ends it for nothing.
        let begun = if actions::are_known() {
            clock::now()
        } else {
            0
        };
        Self { fd, act, begun }
    }

    /// The call was ended for nothing: returns when it is to be made again, or its result, `-errno`.
    #[cold]
    pub(super) fn await_rest(&self, watch: &Watch) -> Result<(), isize> {
        let option = match self.act {
            Act::Receive => libc::SO_RCVTIMEO,
            Act::Send | Act::Connect => libc::SO_SNDTIMEO,
        };
        let limit = socket::timeout(self.fd, option);
        if limit == 0 {
            return Ok(());
        }
        let deadline = self.begun.saturating_add(limit);
        let connects = self.act == Act::Connect;
        if connects && socket::int_option(self.fd, libc::SO_DOMAIN) == Ok(libc::AF_UNIX) {
            // No look tells when it can.
            return if clock::now() < deadline {
                Ok(())
            } else {
                Err(EAGAIN)
            };
        }
        loop {
            match self.look(deadline.saturating_sub(clock::now())) {
                0 if connects => return Err(-(libc::EINPROGRESS as isize)),
                0 => return Err(EAGAIN),
                EINTR if watch.ends_call() => return Err(EINTR),
                EINTR => cancel::anywhere(),
                _ => return Ok(()),
            }
        }
    }

    /// Waits for readiness for that long at most: a cancellation point, as the call is.
    fn look(&self, limit: u64) -> isize {
        let events = match self.act {
            Act::Receive => libc::POLLIN,
            Act::Send | Act::Connect => libc::POLLOUT,
        };
        let mut one = pollfd {
            fd: self.fd,
            events,
            revents: 0,
        };
        let one = (&raw mut one).expose_provenance();
        let time = clock::to_timespec(limit);
        let time = (&raw const time).expose_provenance();
        // SAFETY: both are live.
        unsafe { cancel::waiting_call(libc::SYS_ppoll, [one, 1, time, 0, 0, 0]) }
    }
}
