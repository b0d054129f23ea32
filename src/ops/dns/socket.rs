//! A lookup's socket, which waits in the hub as the program's own do.

use core::ptr;

use super::Beyond;
use crate::glibc::resolver::Server;
use crate::ops::poll::{self, Interest};
use crate::ops::receive::Source;
use crate::ops::{connect, lives, numbers, receive, send};
use crate::signal::Watch;
use crate::sys::clock::{self, Instant};
use crate::sys::raw::syscall;
use crate::task::Thread;

/// A socket of `me`, the calling thread.
pub struct Socket {
    me: &'static Thread,
    fd: i32,
}

impl Socket {
    /// One of that kind (`SOCK_*`) for `server`, or the errno that there is none for.
    pub fn new(me: &'static Thread, server: &Server, kind: i32) -> Result<Self, i32> {
        let family = server.family();
        // SAFETY: no memory is involved.
        let fd =
            lives::make(|| unsafe { syscall!(SYS_socket, family, kind | libc::SOCK_CLOEXEC, 0) });
        if fd < 0 {
            return Err(-fd as i32);
        }
        let fd = fd as i32;
        if kind == libc::SOCK_DGRAM {
            server.report_errors(fd);
        }
        Ok(Self { me, fd })
    }

    /// Connects it to `server`: 0 or `-errno`.
    pub fn connect(&self, server: &Server) -> isize {
        let (address, length) = server.address();
        // SAFETY: an address of that length.
        unsafe { connect::connect(self.me, self.fd, address, length) }
    }

    /// Sends all of `bytes` to whom it is connected, or says what `send` has returned instead.
    pub fn send(&self, bytes: &[u8]) -> Result<(), isize> {
        // SAFETY: bytes of that length, no address.
        let sent = unsafe {
            send::to(
                self.me,
                self.fd,
                bytes.as_ptr().cast(),
                bytes.len(),
                libc::MSG_NOSIGNAL,
                ptr::null(),
                0,
            )
        };
        if sent == bytes.len() as isize {
            Ok(())
        } else {
            Err(sent)
        }
    }

    /// Takes a datagram that has come by `deadline`: its length, which may be more than the buffer
    /// holds, or `-errno`.
    pub fn datagram(&self, buffer: &mut [u8], deadline: Instant) -> isize {
        let fd = self.fd;
        let (address, length) = (buffer.as_mut_ptr(), buffer.len());
        // SAFETY: the buffer is writable.
        let attempt = || unsafe {
            syscall!(
                SYS_recvfrom,
                fd,
                address,
                length,
                libc::MSG_DONTWAIT | libc::MSG_TRUNC,
                0,
                0
            )
        };
        let probe = || match attempt() {
            result if result == -(libc::EAGAIN as isize) => 0,
            result => result,
        };
        let native = || {
            let mut one = libc::pollfd {
                fd,
                events: libc::POLLIN,
                revents: 0,
            };
            let left = clock::until(deadline).map_or(-1, |left| left.as_millis() as i64);
            // SAFETY: one entry.
            match unsafe { syscall!(SYS_poll, &raw mut one, 1, left) } {
                result if result <= 0 => result,
                _ => probe(),
            }
        };
        let interests = [Interest {
            fd,
            read: true,
            write: false,
        }];
        loop {
            let watch = Watch::new(self.me);
            match poll::any(
                self.me,
                interests.iter().copied(),
                deadline,
                &watch,
                probe,
                native,
            ) {
                0 if deadline <= clock::now() => return -(libc::EAGAIN as isize),
                // A handler has run, or an empty datagram has come.
                0 => {}
                result if result == -(libc::EINTR as isize) => {}
                result => return result,
            }
        }
    }

    /// Fills `buffer` from a stream.
    pub fn fill(&self, buffer: &mut [u8]) -> Result<(), Beyond> {
        let mut got = 0;
        while got < buffer.len() {
            let rest = &mut buffer[got..];
            // SAFETY: the rest of the buffer is writable.
            let more = unsafe {
                receive::from(
                    self.me,
                    self.fd,
                    rest.as_mut_ptr().cast(),
                    rest.len(),
                    0,
                    Source::NONE,
                )
            };
            match more {
                // Lost in the middle: libc tries once more.
                0 => return Err(Beyond),
                more if more == -(libc::EINTR as isize) => {}
                more => got += usize::try_from(more).map_err(|_| Beyond)?,
            }
        }
        Ok(())
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        numbers::close(self.fd);
    }
}
