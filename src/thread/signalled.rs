//! Threads that the kernel itself signals, for a timer (`SIGEV_THREAD_ID` of timer_create(2)) or
//! a file (`F_OWNER_TID` of fcntl(2)).
//!
//! The kernel knows such a thread by its kernel thread, which has to be its own, then: what it
//! keeps of the timer or the file and of the signal, the count of expirations too, is right by
//! itself.

use core::sync::atomic::{AtomicBool, Ordering};

use crate::sched::{self, blocking, kernel_thread};
use crate::signal::errand;
use crate::sys::in_child::{in_child, restore};
use crate::task::{Thread, current, green_by_id, green_by_kernel_thread};

/// Before the first thread: the kernel signals the main one, by its kernel thread. A forked child
/// [forgets](reset) it.
static MAIN_IS: AtomicBool = AtomicBool::new(false);

/// What the kernel is to call the thread that the program calls `id`, to signal it: a green
/// one's kernel thread, which is its own from here on.
pub fn kernel_id(id: i32) -> i32 {
    if current().is_lent() {
        return id;
    }
    if !sched::is_running() {
        if id == kernel_thread::process() {
            MAIN_IS.store(true, Ordering::Relaxed);
        }
        return id;
    }
    let Some(thread) = green_by_id(id) else {
        return id;
    };
    thread.signalled.store(true, Ordering::Relaxed);
    // The kernel does not know a thread that has ended.
    errand::wire(thread).unwrap_or(id)
}

/// `main`, the caller, has become a green thread: if the kernel may signal it already it keeps its
/// kernel thread.
pub fn begin(main: &Thread) {
    if MAIN_IS.load(Ordering::Relaxed) {
        main.signalled.store(true, Ordering::Relaxed);
        blocking::wire();
    }
}

/// In a forked child, whose thread is another one to the kernel.
fn reset() {
    restore(&MAIN_IS, false);
}

in_child!(always reset);

/// What the program calls the thread that the kernel calls `id`.
pub fn known_id(id: i32) -> i32 {
    if !sched::is_running() || current().is_lent() {
        return id;
    }
    green_by_kernel_thread(id).map_or(id, |thread| thread.tid.load(Ordering::Relaxed))
}
