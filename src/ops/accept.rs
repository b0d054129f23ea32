//! Accepting connections.

use libc::{sockaddr, socklen_t};

use super::{EAGAIN, EBADF, EINTR, Operation, Stop, lives, look, pass_on};
use crate::glibc::real::real;
use crate::hub::descriptor::{Descriptor, Direction};
use crate::sched::blocking;
use crate::signal::restart;
use crate::signal::socket_wait::Act;
use crate::sys::raw::syscall;
use crate::sys::{errno, socket};
use crate::task::Thread;

/// `accept4(2)`. There is no flag for "only if one is there": a look comes first.
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
    let kernel = || unsafe { syscall!(SYS_accept4, fd, address, length, flags) };
    let call = || lives::make(kernel);
    // Refused whether a connection is there or not.
    if flags & !(libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK) != 0 {
        return call();
    }
    let Some(mut operation) = Operation::new(me, fd, Direction::Read) else {
        return restart::socket_in_region(fd, Act::Receive, call);
    };
    if operation.entry.is_private() || operation.entry.is_nonblocking(fd) {
        return operation.run(|entry, _| undisputed(entry, fd, call), call);
    }
    type Real = unsafe extern "C-unwind" fn(i32, *mut sockaddr, *mut socklen_t, i32) -> i32;
    let real = real!(accept4: Real);
    // glibc's own, which can be cancelled.
    // SAFETY: as the caller promises.
    let blocking = || errno::to_kernel(unsafe { real(fd, address, length, flags) } as isize);
    disputed(&mut operation, || lives::make(blocking))
}

/// An attempt where only green threads of this process take connections. One at a time:
/// what the look has seen is still there for `call`.
fn undisputed(entry: &Descriptor, fd: i32, call: impl Fn() -> isize) -> isize {
    if entry.is_nonblocking(fd) {
        return call();
    }
    // A handler that accepts would wait for its own thread.
    let result = entry.turn.during(|| {
        let is_there = look::is_ready(fd, Direction::Read) || !is_listener(fd);
        if is_there { call() } else { EAGAIN }
    });
    if result != EAGAIN {
        pass_on(entry, Direction::Read);
    }
    result
}

/// An accept where others take connections, too: what the look has seen may be gone, and
/// then `call` waits for the next one. So nobody waits for the caller meanwhile, and it
/// can be interrupted and cancelled.
fn disputed(operation: &mut Operation, call: impl Fn() -> isize) -> isize {
    let fd = operation.fd;
    let mut is_over = false;
    loop {
        // Who has waited has done so for that file.
        let call = |operation: &Operation| {
            if operation.begun {
                operation.entering(&call)
            } else {
                call()
            }
        };
        let edges = operation.entry.edges(Direction::Read);
        if !operation.is_same_file() && !operation.begins_anew() {
            return EBADF;
        }
        if look::is_ready(fd, Direction::Read) || !is_listener(fd) {
            let result = blocking::region(|| call(operation));
            // Or else it was a signal that has been handled elsewhere.
            if result != EINTR || operation.watch.handled() {
                pass_on(operation.entry, Direction::Read);
                return result;
            }
        }
        if is_over {
            return EAGAIN;
        }
        match operation.await_edge(edges) {
            Ok(()) => {}
            Err(Stop::Timeout) => is_over = true,
            Err(Stop::With(EBADF)) if operation.begins_anew() => {}
            Err(Stop::With(result)) => return result,
            Err(Stop::Unwatchable) => {
                return restart::socket_in_region(fd, Act::Receive, || call(operation));
            }
        }
    }
}

/// What is no listener never becomes ready: it is an error now.
fn is_listener(fd: i32) -> bool {
    socket::int_option(fd, libc::SO_ACCEPTCONN).is_ok_and(|listens| listens != 0)
}
