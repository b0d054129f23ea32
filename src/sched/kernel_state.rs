//! What the kernel keeps for each of its threads, and a program takes for its own
//! thread's: credentials, restrictions, priorities, namespaces.
//!
//! A thread that changes such a thing is [wired](blocking::wire) before: the kernel
//! thread is its own from then on, nobody else gets what it has set, and nobody takes it
//! away again. What its kernel thread hands on to those that it makes the program expects
//! in the threads that it creates: these are kernel threads, made by that one.

use core::sync::atomic::{AtomicBool, Ordering};

use super::{blocking, monitor};
use crate::sys::in_child::{in_child, restore};
use crate::task::{Thread, current};

/// Who has what a call changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// The caller alone.
    Own,
    /// The caller, and the threads that it creates afterwards.
    Inherited,
}

/// Before the first thread: the process's only one has something that no other is going
/// to have. A forked child [forgets](reset) it.
static MAIN_DIFFERS: AtomicBool = AtomicBool::new(false);

/// The calling thread is about to change what the kernel keeps for it.
pub fn before(change: Change) {
    let me = current();
    if me.is_lent() {
        // A child's affair, which has a kernel thread of its own.
        return;
    }
    if !super::is_running() {
        // What is inherited all workers are going to have.
        if change == Change::Own {
            MAIN_DIFFERS.store(true, Ordering::Relaxed);
        }
        return;
    }
    // What is about to change may be that there are no further kernel threads: it takes one of those
    // that there are from the others.
    blocking::await_successor();
    blocking::wire();
    if change == Change::Inherited {
        me.set_distinct();
    }
}

/// Which of its threads the kernel has to be asked about for what concerns `thread`, a green
/// one: 0 for the calling one.
pub fn kernel_thread(thread: &Thread) -> i32 {
    if thread.is(current()) {
        return 0;
    }
    thread
        .kernel_thread()
        .unwrap_or_else(monitor::plain_kernel_thread)
}

/// Whether the thread that has just become the main one must stay on its kernel thread.
pub fn main_differs() -> bool {
    MAIN_DIFFERS.load(Ordering::Relaxed)
}

/// In a forked child, whose kernel thread is new.
fn reset() {
    restore(&MAIN_DIFFERS, false);
}

in_child!(always reset);
