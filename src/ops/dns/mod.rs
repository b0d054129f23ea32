//! Questions to name servers, asked and waited for in the hub (`GREEN_RESOLVER=hub`).
//!
//! The rules are those of glibc's resolver, the settings those that it has read for the
//! calling thread ([`settings`](crate::glibc::resolver)). The [search list](search) makes
//! questions of a name; an [exchange] puts them to one server after the other, by
//! [sockets](socket); [messages](message) are hickory's. What comes of them glibc gets as from
//! any [service] of its own, in [memory of the caller's](place). Whatever is out of the ordinary
//! is [`Beyond`]: libc asks again, and decides.

mod exchange;
mod message;
mod place;
mod search;
pub mod service;
mod socket;

use core::net::IpAddr;

pub use message::{Answer, Kind};
pub use place::Place;

/// What libc has to do instead.
pub struct Beyond;

/// Why there is no answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    /// What becomes `h_errno`.
    pub host_error: i32,
    /// What becomes `errno`, 0 for nothing: which failure of those with one `h_errno`.
    pub error: i32,
}

// <netdb.h>; the libc crate lacks them.
/// The name does not exist.
pub const HOST_NOT_FOUND: i32 = 1;
/// No server has given an answer.
pub const TRY_AGAIN: i32 = 2;
/// Servers do not answer such questions.
pub const NO_RECOVERY: i32 = 3;
/// The name exists, without addresses.
pub const NO_DATA: i32 = 4;

/// An alias or the address that it leads to.
pub enum Record {
    /// The name of the record's owner is an alias of this one.
    Alias(String),
    /// An address of the last alias.
    Address(IpAddr),
}
