//! The seam to the kernel and to the libc underneath.
//!
//! Nothing in libgreen may call libc's blocking functions by name: inside this
//! library `libc::read` *is* our own hook. Internal code therefore issues
//! system calls itself ([`raw`]) or asks for the function that the hook
//! shadows ([`real`]).

pub mod action;
pub mod atomic;
pub mod cell;
pub mod clock;
pub mod errno;
pub mod file;
pub mod futex;
pub mod in_child;
pub mod limit;
pub mod lock_free;
pub mod membarrier;
pub mod open_files;
pub mod pages;
pub mod raw;
pub mod report;
pub mod sanitizers;
pub mod sigmask;
pub mod socket;
pub mod task_state;
pub mod terminal;
pub mod text;
pub mod user;
pub mod version;
