//! The libc functions that libgreen stands in for.
//!
//! Only here is the C ABI: a hook asks whether the caller is a green thread that
//! may park, hands over to the operation, and turns its result into what libc
//! returns. Everybody else is passed on to libc's own function.

use core::sync::atomic::{AtomicBool, Ordering};

use crate::thread::{begun_by_libc, executable};
use crate::{runtime, settings};

mod async_waits;
mod attributes;
mod barrier;
mod batches;
mod c11_sync;
mod cancel;
mod cond;
mod connections;
mod contexts;
mod cpu_time;
mod credentials;
mod descriptors;
mod dns;
mod epoll;
mod exec;
pub mod fork;
mod give_way;
mod in_turn;
mod inner;
mod jumps;
mod kernel_state;
mod keys;
mod limits;
mod loading;
mod makers;
mod memory_locks;
mod message_queues;
mod mutex;
mod name_service;
mod objects;
mod once;
mod poll;
mod process;
mod receive;
mod regions;
mod resolver;
mod rwlock;
mod scheduling;
mod select;
mod sem;
mod send;
mod signal_actions;
mod signal_masks;
mod signal_processes;
mod signal_send;
mod signal_stacks;
mod signal_waits;
mod sleep;
mod spin;
mod splices;
mod start;
mod streams;
mod symbol;
mod syscall;
mod syscall_blocking;
mod syscall_call;
mod syscall_changes;
mod syscall_clone;
mod syscall_futex;
mod syscall_kernel_state;
mod syscall_numbers;
mod syscall_open;
mod syscall_signals;
mod thread_ids;
mod threads;
mod versions;

/// Reads the environment, asks to be first in a forked child, looks up what cannot be looked up in a signal
/// handler, looks what stacks the loaded objects want, and does nothing else until the first `dlopen` or
/// `pthread_create`: that may come before the loader calls libgreen, from the constructor of a library that
/// the program needs, and does all of this then.
pub fn load() {
    /// A forked child keeps it.
    static LOADED: AtomicBool = AtomicBool::new(false);
    if LOADED.load(Ordering::Relaxed) || LOADED.swap(true, Ordering::Relaxed) {
        return;
    }
    settings::init();
    runtime::set_upcalls();
    begun_by_libc::note_first();
    fork::register_first();
    exec::resolve();
    jumps::resolve();
    cpu_time::resolve();
    executable::look();
    inner::lead();
}
