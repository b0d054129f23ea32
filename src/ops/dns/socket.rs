//! A lookup's socket. It does not block, and waits in the hub, where a request for cancellation ends the wait.

use core::cell::Cell;
use core::ptr;

use super::Beyond;
use crate::glibc::resolver::Server;
use crate::hub::descriptor::Direction;
use crate::ops::{EAGAIN, EBADF, EINTR, Operation, lives, lookup, numbers};
use crate::signal::restart;
use crate::sys::clock::{self, Instant, NEVER};
use crate::sys::raw::syscall;
use crate::task::Thread;
use crate::task::word::{Cancellation, Wake};

/// Where a descriptor is noted, if there is one: who is taken out of the lookup finds it there.
pub struct Note(Cell<i32>);

impl Note {
    /// None.
    pub const fn new() -> Self {
        Self(Cell::new(-1))
    }

    /// Closes it, unless that has been done.
    pub fn close(&self) {
        let fd = self.0.replace(-1);
        if fd >= 0 {
            numbers::close(fd);
        }
    }
}

/// A socket of `me`, the calling thread.
pub struct Socket<'a> {
    me: &'static Thread,
    fd: i32,
    note: &'a Note,
}

impl<'a> Socket<'a> {
    /// One of that kind (`SOCK_*`) for `server`, noted there, or the errno that there is none for.
    pub fn new(
        me: &'static Thread,
        server: &Server,
        kind: i32,
        note: &'a Note,
    ) -> Result<Self, i32> {
        let family = server.family();
        let flags = libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: no memory is involved.
        let fd = lives::make(|| unsafe { syscall!(SYS_socket, family, kind | flags, 0) });
        if fd < 0 {
            return Err(-fd as i32);
        }
        let fd = fd as i32;
        if kind == libc::SOCK_DGRAM {
            server.report_errors(fd);
        }
        note.0.set(fd);
        Ok(Self { me, fd, note })
    }

    /// Connects it to `server`: 0 or `-errno`.
    pub fn connect(&self, server: &Server) -> isize {
        const UNDER_WAY: [isize; 2] = [-(libc::EINPROGRESS as isize), -(libc::EALREADY as isize)];
        let (address, length) = server.address();
        self.until(Direction::Write, NEVER, || {
            // SAFETY: an address of that length. Called again it tells the outcome.
            match unsafe { syscall!(SYS_connect, self.fd, address, length) } {
                result if UNDER_WAY.contains(&result) => EAGAIN,
                result => result,
            }
        })
    }

    /// Sends all of `bytes` to whom it is connected, or says what `send` has returned instead.
    pub fn send(&self, bytes: &[u8]) -> Result<(), isize> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let (address, length) = (rest.as_ptr(), rest.len());
            let sent = self.until(Direction::Write, NEVER, || {
                let flags = libc::MSG_NOSIGNAL;
                // SAFETY: bytes of that length, no address.
                unsafe {
                    syscall!(
                        SYS_sendto,
                        self.fd,
                        address,
                        length,
                        flags,
                        ptr::null::<u8>(),
                        0
                    )
                }
            });
            rest = usize::try_from(sent)
                .ok()
                .and_then(|sent| rest.get(sent..))
                .ok_or(sent)?;
        }
        Ok(())
    }

    /// Takes a datagram that has come by `deadline`: its length, which may be more than the buffer
    /// holds, or `-errno`.
    pub fn datagram(&self, buffer: &mut [u8], deadline: Instant) -> isize {
        loop {
            match self.receive(buffer, libc::MSG_TRUNC, deadline) {
                // An empty one is none.
                0 if deadline > clock::now() => {}
                0 => return EAGAIN,
                result => return result,
            }
        }
    }

    /// Fills `buffer` from a stream.
    pub fn fill(&self, buffer: &mut [u8]) -> Result<(), Beyond> {
        let mut got = 0;
        while got < buffer.len() {
            match self.receive(&mut buffer[got..], 0, NEVER) {
                // Lost in the middle: libc tries once more.
                0 => return Err(Beyond),
                more => got += usize::try_from(more).map_err(|_| Beyond)?,
            }
        }
        Ok(())
    }

    fn receive(&self, buffer: &mut [u8], flags: i32, deadline: Instant) -> isize {
        let (address, length) = (buffer.as_mut_ptr(), buffer.len());
        self.until(Direction::Read, deadline, || {
            // SAFETY: the buffer is writable.
            unsafe { syscall!(SYS_recvfrom, self.fd, address, length, flags, 0, 0) }
        })
    }

    /// Calls `attempt`, which does not block, until it returns something else than `-EAGAIN`, or that at
    /// `deadline`; `-ECANCELED` if the thread is cancelled before.
    fn until(&self, direction: Direction, deadline: Instant, attempt: impl Fn() -> isize) -> isize {
        let operation = Operation::new(self.me, self.fd, direction);
        loop {
            let edges = operation.as_ref().map_or(0, |it| it.entry.edges(direction));
            match attempt() {
                EAGAIN => {}
                EINTR => continue,
                result => return result,
            }
            let watched = operation
                .as_ref()
                .filter(|operation| operation.entry.register(self.fd).is_ok());
            let reason = match watched {
                Some(operation) => lookup::told(self.me, || {
                    operation.park(edges, deadline, Cancellation::Point)
                }),
                None => self.wait_in_kernel(direction, deadline),
            };
            match reason {
                Wake::Timeout => return attempt(),
                Wake::Closed => return EBADF,
                Wake::Interrupted if lookup::is_cancelled(self.me) => {
                    return -(libc::ECANCELED as isize);
                }
                _ => {}
            }
        }
    }

    fn wait_in_kernel(&self, direction: Direction, deadline: Instant) -> Wake {
        let mut one = libc::pollfd {
            fd: self.fd,
            events: match direction {
                Direction::Read => libc::POLLIN,
                Direction::Write => libc::POLLOUT,
            },
            revents: 0,
        };
        let left = || clock::millis_until(deadline);
        // SAFETY: one entry.
        match restart::in_region(|| unsafe { syscall!(SYS_poll, &raw mut one, 1, left()) }) {
            0 => Wake::Timeout,
            _ => Wake::Ready,
        }
    }
}

impl Drop for Socket<'_> {
    fn drop(&mut self) {
        self.note.close();
    }
}
