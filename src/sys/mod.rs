//! The seam to the kernel and to the libc underneath.
//!
//! Nothing in libgreen may call libc's blocking functions by name: inside this
//! library `libc::read` *is* our own hook. Internal code therefore issues
//! system calls itself ([`raw`]) or asks for the function that the hook
//! shadows ([`real`]).

pub mod action;
pub mod clock;
pub mod errno;
pub mod futex;
pub mod lock;
pub mod lock_free;
pub mod pages;
pub mod prefetch;
pub mod raw;
pub mod real;
pub mod report;
pub mod sigmask;
pub mod socket;
pub mod text;
