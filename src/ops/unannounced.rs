//! Sockets for messages where it is not the sender's that has no room.
//!
//! The kernel waits for the receiver then, whom `poll` and epoll know nothing of: a Unix socket is always ready
//! to send to others than the one that it is connected to, and a netlink socket to anybody. What is more, an
//! attempt on the former that finds no room ends with an event, as if there were some, since it takes and
//! gives back memory (net/unix/af_unix.c: `unix_dgram_sendmsg`, `unix_dgram_poll`; net/netlink/af_netlink.c:
//! `netlink_attachskb`).

use crate::hub::class::Class;
use crate::hub::descriptor::Descriptor;
use crate::sys::socket;

/// Whether nothing tells of room for what an attempt to send on `fd` had none for; `addressed` tells
/// whether it says where to.
#[cold]
pub(super) fn is_room(entry: &Descriptor, fd: i32, addressed: impl FnOnce() -> bool) -> bool {
    if entry.class(fd) != Class::Socket || entry.is_nonblocking(fd) {
        return false;
    }
    match socket::int_option(fd, libc::SO_DOMAIN) {
        Ok(libc::AF_UNIX) => {
            socket::int_option(fd, libc::SO_TYPE) == Ok(libc::SOCK_DGRAM) && addressed()
        }
        Ok(domain) => domain == libc::AF_NETLINK,
        Err(_) => false,
    }
}
