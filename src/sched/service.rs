//! Kernel threads of the runtime's own that are started when somebody needs them.

use core::sync::atomic::{AtomicU32, Ordering};

use super::requests;
use crate::sys::in_child::restore;

/// Whether they are there.
pub struct Service(AtomicU32);

/// Nobody has needed them.
const NONE: u32 = 0;
/// Somebody does: the monitor starts them.
const WANTED: u32 = 1;
/// They run, or are about to.
const STARTED: u32 = 2;
/// They cannot be had.
const FAILED: u32 = 3;

impl Service {
    /// Nobody has needed them.
    pub const fn new() -> Self {
        Self(AtomicU32::new(NONE))
    }

    /// In a forked child they do not exist.
    pub fn forget(&self) {
        restore(&self.0, NONE);
    }

    /// Has them started, if they are not; false if they cannot be had.
    pub fn want(&self) -> bool {
        match self.0.load(Ordering::Acquire) {
            NONE => {
                let first =
                    self.0
                        .compare_exchange(NONE, WANTED, Ordering::AcqRel, Ordering::Relaxed);
                if first.is_ok() {
                    requests::rouse();
                }
                true
            }
            state => state != FAILED,
        }
    }

    /// Whether they cannot be had.
    pub fn has_failed(&self) -> bool {
        self.0.load(Ordering::SeqCst) == FAILED
    }

    /// Starts them by `start` if they are wanted; `refuse` tells those who wait that they cannot be had.
    /// For the monitor.
    pub fn start_if_wanted(&self, start: impl FnOnce() -> bool, refuse: impl FnOnce()) {
        let wanted = self.0.load(Ordering::Relaxed) == WANTED;
        if wanted {
            self.0.store(STARTED, Ordering::Release);
            if !start() {
                self.fail();
                refuse();
            }
        }
    }

    /// They cannot be had; who waits for them has to be woken afterwards.
    pub fn fail(&self) {
        self.0.store(FAILED, Ordering::SeqCst);
    }
}
