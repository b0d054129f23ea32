//! Connecting.

use libc::{sa_family_t, sockaddr, socklen_t};

use super::is_stream;
use super::{EAGAIN, Operation, look};
use crate::hub::class::Class;
use crate::hub::descriptor::{Descriptor, Direction};
use crate::signal::socket_wait::Act;
use crate::signal::{cancel, restart};
use crate::sys::raw::syscall;
use crate::sys::socket;
use crate::task::Thread;

pub(super) const EINPROGRESS: isize = -(libc::EINPROGRESS as isize);
const EALREADY: isize = -(libc::EALREADY as isize);
const EISCONN: isize = -(libc::EISCONN as isize);

/// `connect(2)`.
///
/// # Safety
/// As for `connect`.
pub unsafe fn connect(
    me: &'static Thread,
    fd: i32,
    address: *const sockaddr,
    length: socklen_t,
) -> isize {
    // SAFETY: as the caller promises.
    let call = || unsafe { syscall!(SYS_connect, fd, address, length) };
    let Some(mut operation) = Operation::new(me, fd, Direction::Write) else {
        return restart::socket_in_region(fd, Act::Connect, call);
    };
    // Only a stream has to wait for the other side.
    if !is_stream(operation.entry, fd) || operation.entry.is_nonblocking(fd) {
        return call();
    }
    if operation.is_uncertain() {
        // The wait is for the file that the kernel finds now, not for what the number is said to be when that is over.
        return restart::socket_in_region(fd, Act::Connect, call);
    }
    // From here on it is about that file.
    operation.begun = true;
    let begun = operation.attempt(|entry| begin(entry, fd, call));
    match begun {
        // The latter: an earlier call was interrupted. A blocking one waits for its outcome.
        EINPROGRESS | EALREADY => {}
        // The listener's queue is full (Unix sockets): there is no event for room
        // in it.
        EAGAIN => {
            let arguments = [fd as usize, address.addr(), length as usize, 0, 0, 0];
            // SAFETY: as the caller promises.
            return restart::socket_in_region(fd, Act::Connect, || unsafe {
                cancel::waiting_call(libc::SYS_connect, arguments)
            });
        }
        result => return result,
    }
    finish(&mut operation, fd, call)
}

/// Waits for the outcome of the attempt to connect `fd` that a send call has begun (`MSG_FASTOPEN`,
/// or tcp(7), `TCP_FASTOPEN_CONNECT`): 0, or the error.
pub(super) fn finish_begun(operation: &mut Operation, fd: i32) -> isize {
    // While a socket is connecting nobody looks where to.
    let nowhere = sockaddr {
        sa_family: libc::AF_INET as sa_family_t,
        sa_data: [0; 14],
    };
    // SAFETY: the address is live.
    let call = || unsafe { syscall!(SYS_connect, fd, &raw const nowhere, size_of::<sockaddr>()) };
    finish(operation, fd, call)
}

/// Waits for the outcome of an attempt that has begun, which `call`, a `connect`, tells.
fn finish(operation: &mut Operation, fd: i32, call: impl Fn() -> isize) -> isize {
    let result = operation.run(
        |entry, _| {
            if look::is_ready(fd, Direction::Write) {
                outcome(entry, fd, &call)
            } else {
                EAGAIN
            }
        },
        &call,
    );
    // Only SO_SNDTIMEO ends the wait so.
    if result == EAGAIN {
        EINPROGRESS
    } else {
        result
    }
}

/// Starts the connection without waiting for it. There is no flag for that but
/// `O_NONBLOCK` on the file, for the length of this one call.
fn begin(entry: &Descriptor, fd: i32, call: impl Fn() -> isize) -> isize {
    // SAFETY: status flags of the program's descriptor.
    let set = |flags| unsafe { syscall!(SYS_fcntl, fd, libc::F_SETFL, flags) };
    // SAFETY: as above.
    let get = || unsafe { syscall!(SYS_fcntl, fd, libc::F_GETFL) };
    entry.with_status(|| {
        let flags = get();
        if flags & libc::O_NONBLOCK as isize != 0 {
            // The program's own: it has come since the look for it.
            return call();
        }
        set(flags | libc::O_NONBLOCK as isize);
        let result = call();
        // By another number of the file others may have been set meanwhile.
        set(get() & !libc::O_NONBLOCK as isize);
        result
    })
}

/// How the attempt has ended.
///
/// A TCP socket remembers that it is connecting until `connect` is called once more
/// (`__inet_stream_connect` in the kernel's net/ipv4/af_inet.c): only then is it connected, or
/// free for another attempt.
fn outcome(entry: &Descriptor, fd: i32, call: impl Fn() -> isize) -> isize {
    let error = match socket::int_option(fd, libc::SO_ERROR) {
        Ok(error) => -(error as isize),
        Err(error) => return error,
    };
    if entry.class(fd) != Class::Tcp {
        return error;
    }
    match begin(entry, fd, call) {
        _ if error != 0 => error,
        EISCONN => 0,
        EINPROGRESS | EALREADY => EAGAIN,
        result => result,
    }
}
