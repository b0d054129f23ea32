//! What a stream socket says to who waits in it to send while its other end is closed, or either end shut
//! down.
//!
//! Who comes when that has happened gets EPIPE, with SIGPIPE. Who waits already is told by a Unix socket
//! what went wrong there instead, ECONNRESET if the other end had not read all, or EPIPE, and gets no
//! SIGPIPE (Linux, net/core/sock.c: `sock_alloc_send_pskb`). TCP and its kin tell the two alike, but keep an
//! error for the next call if a part has gone (net/core/stream.c: `sk_stream_error`).

use core::ptr;

use super::{EAGAIN, EPIPE, IN_KERNEL, look, unannounced};
use crate::hub::class::Class;
use crate::hub::descriptor::Descriptor;
use crate::sys::raw::syscall;
use crate::sys::socket;

/// The attempts of one call of the program's to send on a socket.
#[derive(Default)]
pub(super) struct Attempts {
    /// Whether there was no room for one.
    waits: bool,
    /// Whether a part has gone.
    part: bool,
}

impl Attempts {
    /// A part has gone: for the rest there is no room yet.
    pub fn part_done(&mut self) {
        self.waits = true;
        self.part = true;
    }

    /// Makes one by `call`, which gets the flags beside the program's; `addressed` tells, afterwards, whether
    /// it says where to.
    #[inline(always)]
    pub fn make(
        &mut self,
        entry: &Descriptor,
        fd: i32,
        addressed: impl FnOnce() -> bool,
        call: impl Fn(i32) -> isize,
    ) -> isize {
        let result = if self.waits {
            again(entry.class(fd), fd, self.part, call)
        } else {
            call(libc::MSG_DONTWAIT)
        };
        if result == EAGAIN {
            if unannounced::is_room(entry, fd, addressed) {
                return IN_KERNEL;
            }
            self.waits = true;
        }
        result
    }
}

/// A further attempt of who has waited.
#[inline(never)]
fn again(class: Class, fd: i32, part: bool, call: impl Fn(i32) -> isize) -> isize {
    if class == Class::Tcp {
        if part && look::is_broken(fd) {
            return EPIPE;
        }
        return call(libc::MSG_DONTWAIT);
    }
    match call(libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL) {
        EPIPE if is_unix_stream(fd) => error(fd),
        EPIPE => call(libc::MSG_DONTWAIT),
        result => result,
    }
}

/// The error, if any, of who has waited for room in `fd` and is about to transfer by a call that cannot be
/// kept from raising SIGPIPE.
pub(super) fn of_waiter(fd: i32) -> Result<(), isize> {
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // Nothing is what a stream can take at any time, unless it has ended.
    // SAFETY: no bytes.
    let look = || unsafe { syscall!(SYS_sendto, fd, ptr::null::<u8>(), 0, flags, 0usize, 0usize) };
    if is_unix_stream(fd) && look() == EPIPE {
        return Err(error(fd));
    }
    Ok(())
}

/// The error that has come, which nobody else gets; or EPIPE.
fn error(fd: i32) -> isize {
    match socket::int_option(fd, libc::SO_ERROR) {
        Ok(error @ 1..) => -(error as isize),
        _ => EPIPE,
    }
}

fn is_unix_stream(fd: i32) -> bool {
    socket::int_option(fd, libc::SO_DOMAIN) == Ok(libc::AF_UNIX)
        && socket::int_option(fd, libc::SO_TYPE) == Ok(libc::SOCK_STREAM)
}
