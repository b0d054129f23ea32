//! From one descriptor to another inside the kernel. There is no form of these calls that
//! does not block on every kind of file; so both sides are waited for first, and what is
//! asked for at a time is what then goes through.

use libc::{iovec, loff_t, off_t};

use super::{EAGAIN, Operation, file, pass_on};
use crate::glibc::real::real;
use crate::hub::class::Class;
use crate::hub::descriptor::{self, Direction};
use crate::signal::restart;
use crate::sys::raw::syscall;
use crate::sys::{errno, socket};
use crate::task::Thread;

fn class(fd: i32) -> Class {
    descriptor::get(fd).map_or(Class::Disk, |entry| entry.class(fd))
}

fn is_socket(fd: i32) -> bool {
    matches!(class(fd), Class::Tcp | Class::Socket)
}

/// Waits until `fd` is ready, unless the program's own calls on it do not block: 0 or
/// `-errno`.
fn await_ready(me: &'static Thread, fd: i32, direction: Direction) -> isize {
    if class(fd) == Class::Disk {
        return 0;
    }
    let Some(mut operation) = Operation::new(me, fd, direction) else {
        return 0;
    };
    if operation.entry.is_nonblocking(fd) {
        return 0;
    }
    let result = operation.run(
        |_, _| {
            if file::is_ready(fd, direction) {
                0
            } else {
                EAGAIN
            }
        },
        || 0,
    );
    pass_on(operation.entry, direction);
    result
}

/// How much a socket that is ready takes at once: a third of its buffer is free then
/// (sk_stream_is_writable in the kernel's include/net/sock.h).
fn room(fd: i32) -> usize {
    const LEAST: usize = 4096;
    let buffer = socket::int_option(fd, libc::SO_SNDBUF).unwrap_or(0);
    (buffer as usize / 4).max(LEAST)
}

/// `sendfile(2)`: a blocking socket takes everything.
///
/// # Safety
/// As for `sendfile`.
pub unsafe fn send_file(
    me: &'static Thread,
    to: i32,
    from: i32,
    offset: *mut off_t,
    count: usize,
) -> isize {
    // SAFETY: as the caller promises.
    let call = |count: usize| unsafe { syscall!(SYS_sendfile, to, from, offset, count) };
    let to_socket = is_socket(to);
    let mut sent = 0;
    loop {
        let mut result = await_ready(me, from, Direction::Read);
        if result == 0 {
            result = await_ready(me, to, Direction::Write);
        }
        if result == 0 {
            let left = count - sent;
            result = if to_socket {
                call(left.min(room(to)))
            } else {
                restart::in_region(|| call(left))
            };
        }
        if result <= 0 {
            return if sent > 0 { sent as isize } else { result };
        }
        sent += result as usize;
        if sent >= count || !to_socket {
            return sent as isize;
        }
    }
}

/// Waits for both ends, then `call`, libc's own, which can be cancelled.
fn between(me: &'static Thread, from: i32, to: i32, flags: u32, call: impl Fn() -> isize) -> isize {
    if flags & libc::SPLICE_F_NONBLOCK == 0 {
        for (fd, direction) in [(from, Direction::Read), (to, Direction::Write)] {
            let result = await_ready(me, fd, direction);
            if result < 0 {
                return result;
            }
        }
    }
    restart::in_region(|| errno::to_kernel(call()))
}

/// `splice(2)`.
///
/// # Safety
/// As for `splice`.
pub unsafe fn splice(
    me: &'static Thread,
    from: (i32, *mut loff_t),
    to: (i32, *mut loff_t),
    length: usize,
    flags: u32,
) -> isize {
    type Real =
        unsafe extern "C-unwind" fn(i32, *mut loff_t, i32, *mut loff_t, usize, u32) -> isize;
    let real = real!(splice: Real);
    // More would have to wait for the receiver; less is for the caller to go on with.
    let length = if is_socket(to.0) {
        length.min(room(to.0))
    } else {
        length
    };
    // SAFETY: as the caller promises.
    between(me, from.0, to.0, flags, || unsafe {
        real(from.0, from.1, to.0, to.1, length, flags)
    })
}

/// `tee(2)`.
pub fn tee(me: &'static Thread, from: i32, to: i32, length: usize, flags: u32) -> isize {
    let real = real!(tee: unsafe extern "C-unwind" fn(i32, i32, usize, u32) -> isize);
    // SAFETY: numbers are no memory.
    between(me, from, to, flags, || unsafe {
        real(from, to, length, flags)
    })
}

/// `vmsplice(2)`, whose direction is that of the pipe's end.
///
/// # Safety
/// As for `vmsplice`.
pub unsafe fn from_memory(
    me: &'static Thread,
    fd: i32,
    vectors: *const iovec,
    count: usize,
    flags: u32,
) -> isize {
    if flags & libc::SPLICE_F_NONBLOCK == 0 {
        // SAFETY: only asks.
        let mode = unsafe { syscall!(SYS_fcntl, fd, libc::F_GETFL) };
        let direction = if mode as i32 & libc::O_ACCMODE == libc::O_RDONLY {
            Direction::Read
        } else {
            Direction::Write
        };
        let result = await_ready(me, fd, direction);
        if result < 0 {
            return result;
        }
    }
    let real = real!(vmsplice: unsafe extern "C-unwind" fn(i32, *const iovec, usize, u32) -> isize);
    // SAFETY: as the caller promises.
    restart::in_region(|| errno::to_kernel(unsafe { real(fd, vectors, count, flags) }))
}
