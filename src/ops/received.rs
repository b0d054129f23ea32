//! What an attempt to receive tells of a socket.

use super::{EAGAIN, IN_KERNEL, look, pass_on};
use crate::hub::class::Class;
use crate::hub::descriptor::{Descriptor, Direction};

/// What the kernel never waits for: there is an answer at once, `EAGAIN` if nothing else.
/// Readiness of another kind would be no sign of it.
pub(super) const AT_ONCE: i32 = libc::MSG_DONTWAIT | libc::MSG_ERRQUEUE | libc::MSG_OOB;

/// After `attempt` at `edges` has returned `result` for a buffer of `length`:
/// notes whether the socket is drained, and lets others have the rest.
#[inline(always)]
pub(super) fn settle(
    entry: &Descriptor,
    fd: i32,
    edges: u32,
    result: isize,
    length: usize,
    flags: i32,
) {
    // A short read has emptied a TCP socket, unless it stopped at urgent data or
    // took nothing away.
    if result > 0
        && (result as usize) < length
        && flags & (libc::MSG_PEEK | libc::MSG_OOB | libc::MSG_ERRQUEUE) == 0
        && entry.is_known()
        && entry.class(fd) == Class::Tcp
    {
        entry.set_drained(Direction::Read, edges);
    }
    pass_on(entry, Direction::Read);
}

/// What an attempt that has found nothing says: that the kernel is to wait where it would not wait
/// at all. A socket for messages whose receiving side is shut down has an end to tell of, but only
/// to who may wait (__skb_wait_for_more_packets in the kernel's net/core/datagram.c).
#[inline(always)]
pub(super) fn found_nothing(entry: &Descriptor, fd: i32) -> isize {
    if entry.is_ending() && entry.class(fd) != Class::Tcp && look::is_shut_down(fd) {
        return IN_KERNEL;
    }
    EAGAIN
}
