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

/// The thread is one of this process.
pub fn begin(thread: &Thread) {
    thread
        .generation
        .store(GENERATION.load(Ordering::Relaxed), Ordering::Relaxed);
}

/// Whether the green `thread` began in a process from which this one was forked.
pub fn is_elsewhere(thread: &Thread) -> bool {
    thread.generation.load(Ordering::Relaxed) != GENERATION.load(Ordering::Relaxed)
}
