//! libgreen: the threads of unmodified programs as green threads.
//!
//! Layers, from the lowest; an import points downward (`scripts/check-layers`):
//!
//! 1. [`arch`]: what differs from one processor to the next;
//! 2. [`sys`]: the seam to the kernel;
//! 3. [`settings`]: what the environment asks for;
//! 4. [`glibc`]: what is known of its insides;
//! 5. [`task`]: a thread's block, and what it consists of;
//! 6. [`wait`]: queues keyed by address, deadlines, lists of those who are woken;
//! 7. [`hub`]: epoll, the table of descriptors;
//! 8. [`sched`]: workers, slots, parking, switching, the monitor;
//! 9. [`signal`]: whose turn it is to run a handler; cancellation;
//! 10. [`thread`]: green threads from creation to exit;
//! 11. [`sync`]: mutexes, condition variables and their kin over wait queues;
//! 12. [`ops`]: operations on descriptors, tried, then waited for;
//! 13. [`runtime`]: start, and start again in a forked child;
//! 14. [`hooks`]: the libc functions that libgreen stands in for, by family; each
//!     decides whether the caller is a green thread and converts to the ABI.
//!
//! What a lower layer asks of a higher one is in [`task::upcalls`].
#![allow(unsafe_code)]

use core::ffi::{c_char, c_int};

mod arch;
mod glibc;
mod hooks;
mod hub;
mod ops;
mod runtime;
mod sched;
mod settings;
mod signal;
mod sync;
mod sys;
mod task;
mod thread;
mod wait;

/// What [`load`] is, with the program's arguments, which the loader passes (glibc,
/// elf/dl-init.c). Nothing to do in a forked child.
#[used]
#[unsafe(link_section = ".init_array")]
static STAND_ASIDE: unsafe extern "C" fn(c_int, *const *const c_char) = stand_aside;

unsafe extern "C" fn stand_aside(_: c_int, arguments: *const *const c_char) {
    // SAFETY: as the loader calls it.
    unsafe { glibc::stand_aside::check(arguments) };
}

/// Runs when the loader has loaded libgreen, before the program's own constructors.
#[ctor::ctor(unsafe)]
fn load() {
    hooks::load();
}
