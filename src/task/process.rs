//! Threads of another process: a forked child has its parent's in its memory, but they do not run there.

use core::sync::atomic::{AtomicU32, Ordering};

use super::Thread;
use crate::sys::in_child::in_child;

/// So many forks, of processes with green threads, have led to this process.
static GENERATION: AtomicU32 = AtomicU32::new(0);

fn count() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
}

in_child!(count);

/// A process, among those that led to the caller's.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Process(u32);

/// A handler of the caller's has forked, and this is the child: what was begun in the parent ends there.
pub struct Elsewhere;

/// The caller's.
pub fn this() -> Process {
    Process(GENERATION.load(Ordering::Relaxed))
}

/// The thread is one of this process.
pub fn begin(thread: &Thread) {
    let Process(generation) = this();
    thread.generation.store(generation, Ordering::Relaxed);
}

/// Whether the green `thread` began in a process from which this one was forked.
pub fn is_elsewhere(thread: &Thread) -> bool {
    Process(thread.generation.load(Ordering::Relaxed)) != this()
}
