//! Threads that the kernel itself signals, for a timer (`SIGEV_THREAD_ID` of timer_create(2)) or
//! a file (`F_OWNER_TID` of fcntl(2)).
//!
//! The kernel knows such a thread by its kernel thread, which has to be its own, then: what it
//! keeps of the timer or the file and of the signal, the count of expirations too, is right by
//! itself.

use core::sync::atomic::Ordering;

use crate::sched;
use crate::signal::errand;
use crate::task::{current, green_by_id, green_by_kernel_thread};

/// What the kernel is to call the thread that the program calls `id`, to signal it: a green
/// one's kernel thread, which is its own from here on.
pub fn kernel_id(id: i32) -> i32 {
    if !sched::is_running() || current().is_lent() {
        return id;
    }
    let Some(thread) = green_by_id(id) else {
        return id;
    };
    thread.signalled.store(true, Ordering::Relaxed);
    // The kernel does not know a thread that has ended.
    errand::wire(thread).unwrap_or(id)
}

/// What the program calls the thread that the kernel calls `id`.
pub fn known_id(id: i32) -> i32 {
    if !sched::is_running() || current().is_lent() {
        return id;
    }
    green_by_kernel_thread(id).map_or(id, |thread| thread.tid.load(Ordering::Relaxed))
}
