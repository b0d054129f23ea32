//! libgreen: the threads of unmodified programs as green threads.
//!
//! ```text
//! program ─▶ hooks ─▶ ops, sync, thread ─▶ sched ◀─▶ hub ─▶ kernel
//! ```
//!
//! - [`hooks`]: the libc functions that libgreen stands in for, by family; each
//!   decides whether the caller is a green thread and converts to the ABI;
//! - [`ops`]: operations on descriptors, tried, then waited for;
//! - [`sync`]: mutexes, condition variables and their kin over wait queues;
//! - [`thread`]: green threads from creation to exit;
//! - [`signal`]: whose turn it is to run a handler;
//! - [`sched`]: workers, slots, switching;
//! - [`hub`]: epoll, timers, the table of descriptors;
//! - [`sys`]: the seam to the kernel and to the libc underneath.
#![allow(unsafe_code)]

mod hooks;
mod hub;
mod ops;
mod sched;
mod settings;
mod signal;
mod sync;
mod sys;
mod thread;

/// Runs when the loader has loaded libgreen, before the program's own
/// constructors: reads the environment, asks to be first in a forked child, and does
/// nothing else until the first `pthread_create`.
#[ctor::ctor(unsafe)]
fn load() {
    settings::init();
    hooks::fork::register_first();
}
