//! Accepting connections.

use libc::{sockaddr, socklen_t};

use super::file::when_ready;
use super::{EAGAIN, Operation};
use crate::hub::descriptor::{self, Direction};
use crate::sched::blocking;
use crate::sys::raw::syscall;
use crate::sys::socket;
use crate::thread::Thread;

/// `accept4(2)`. There is no flag for "only if one is there", so a look comes
/// first; should another process take the connection in between, the call blocks
/// like any that nobody hooks.
///
/// # Safety
/// As for `accept4`.
pub unsafe fn accept(
    me: &'static Thread,
    fd: i32,
    address: *mut sockaddr,
    length: *mut socklen_t,
    flags: i32,
) -> isize {
    // SAFETY: as the caller promises.
    let call = || unsafe { syscall!(SYS_accept4, fd, address, length, flags) };
    // Refused whether a connection is there or not.
    if flags & !(libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK) != 0 {
        return call();
    }
    let Some(mut operation) = Operation::new(me, fd, Direction::Read) else {
        return blocking::region(call);
    };
    let result = operation.run(
        |entry, _| {
            match when_ready(entry, fd, Direction::Read, call) {
                // What is no listener never becomes ready: it is an error now.
                EAGAIN if !is_listener(fd) => call(),
                EAGAIN => EAGAIN,
                result => {
                    entry.pass_on(Direction::Read);
                    result
                }
            }
        },
        call,
    );
    descriptor::made(result as i32);
    result
}

fn is_listener(fd: i32) -> bool {
    socket::int_option(fd, libc::SO_ACCEPTCONN).is_ok_and(|listens| listens != 0)
}
