//! Futexes: a thread that nobody wakes sleeps for good, and loom reports the deadlock.

use loom::sync::atomic::{AtomicU32, Ordering};
use loom::sync::{Condvar, Mutex};

loom::lazy_static! {
    static ref KERNEL: Mutex<()> = Mutex::new(());
    static ref SLEEPERS: Condvar = Condvar::new();
}

/// Sleeps while `word` holds `expected`; may return early.
pub fn wait(word: &AtomicU32, expected: u32) {
    let kernel = KERNEL.lock().unwrap();
    if word.load(Ordering::Relaxed) == expected {
        drop(SLEEPERS.wait(kernel).unwrap());
    }
}

/// [`wait`], whose time may be up at once.
pub fn wait_for(_: &AtomicU32, _: u32, _: std::time::Duration) {}

/// Wakes whoever sleeps on some word: early returns are allowed.
pub fn wake(_: *const u32, _: i32) {
    let _kernel = KERNEL.lock().unwrap();
    SLEEPERS.notify_all();
}
