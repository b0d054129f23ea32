//! Operations on descriptors: tried without blocking, then waited for.
//!
//! Everything here returns what the kernel would, a result or `-errno`, and runs on a
//! green thread, except for [`numbers`] and [`control`].

pub mod accept;
pub mod attempts;
mod awaited;
pub mod batch;
pub mod child;
pub mod connect;
pub mod control;
pub mod dns;
mod ended;
pub mod event_loop;
mod file;
pub mod hosts;
mod life;
pub mod lives;
mod look;
pub mod lookup;
pub mod message_queue;
pub mod numbers;
pub mod open;
mod operation;
mod owner;
pub mod poll;
pub mod receive;
mod received;
pub mod rights;
pub mod semaphores;
pub mod send;
pub mod send_file;
pub mod shut_down;
pub mod sleep;
pub mod splice;
pub mod thread_files;
pub mod turn;
mod unannounced;
mod vectors;
mod wait_all;
pub mod whole;

use operation::{Operation, Stop};

use crate::hub::class::Class;
use crate::hub::descriptor::{Descriptor, Direction};
use crate::sched::{park, wake};
use crate::signal::adopt;
use crate::sys::socket;
use crate::task::Thread;

const EAGAIN: isize = -(libc::EAGAIN as isize);
const EINTR: isize = -(libc::EINTR as isize);
const EPIPE: isize = -(libc::EPIPE as isize);
const EBADF: isize = -(libc::EBADF as isize);
/// Of a call that was to be a read or write on a socket: the number means another file by now.
const ENOTSOCK: isize = -(libc::ENOTSOCK as isize);

/// What an attempt says when it is for the kernel to wait: no result of a system call.
const IN_KERNEL: isize = isize::MIN;

/// The `result` of a call of `me`, the caller, that does not wait: who finds something there
/// again and again would never leave the CPU otherwise.
#[inline(always)]
fn at_once(me: &'static Thread, result: isize) -> isize {
    if adopt::raised(result) != EAGAIN {
        park::spend(me);
    }
    result
}

/// Whether `fd`, of which `entry` is known, is a stream socket.
fn is_stream(entry: &Descriptor, fd: i32) -> bool {
    if entry.class(fd) == Class::Tcp {
        return true;
    }
    socket::int_option(fd, libc::SO_TYPE) == Ok(libc::SOCK_STREAM)
}

/// After a success on `entry`: another consumer may find something, too.
#[inline(always)]
pub(crate) fn pass_on(entry: &Descriptor, direction: Direction) {
    if entry.is_awaited(direction) {
        wake::collecting(|woken| entry.pass_on(direction, woken));
    }
}
