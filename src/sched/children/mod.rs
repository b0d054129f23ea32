//! Waiting for children without a kernel thread for each who waits.
//!
//! The kernel tells of a child's end by a wait that blocks, or at a descriptor of the child
//! (`pidfd_open(2)`). A few threads wait by the former, each in a region: nothing costs less,
//! and nothing says more. The others park:
//!
//! - [`table`]: who waits for the end of which child; [`ends`]: the two kernel threads that
//!   have the children's descriptors, in a table of descriptors of their own, where neither
//!   the program nor its children see them;
//! - [`any`]: one kernel thread that waits, reaping nobody, for all who wait for any child;
//! - [`tracing`]: a child that is traced stops, which its descriptor does not tell.
//!
//! Who is woken looks for himself, by a wait that does not block; and blocks in the kernel
//! if the kernel has something else to say than was expected.

pub mod any;
mod ends;
pub mod table;
pub mod tracing;

use core::sync::atomic::{AtomicU32, Ordering};

use super::monitor;
use crate::sys::in_child::{in_child, restore};

/// Kernel threads that somebody needs.
pub struct Service(AtomicU32);

/// Nobody has needed them.
const NONE: u32 = 0;
/// Somebody does: the monitor starts them.
const WANTED: u32 = 1;
/// They run, or are about to.
const STARTED: u32 = 2;
/// They cannot be had.
const FAILED: u32 = 3;

/// A forked child has none.
static ENDS: Service = Service(AtomicU32::new(NONE));
static ANY: Service = Service(AtomicU32::new(NONE));

fn reset() {
    restore(&ENDS.0, NONE);
    restore(&ANY.0, NONE);
}

in_child!(reset);

impl Service {
    /// Has them started, if they are not; false if they cannot be had.
    fn want(&self) -> bool {
        match self.0.load(Ordering::Acquire) {
            NONE => {
                let first =
                    self.0
                        .compare_exchange(NONE, WANTED, Ordering::AcqRel, Ordering::Relaxed);
                if first.is_ok() {
                    monitor::rouse();
                }
                true
            }
            state => state != FAILED,
        }
    }

    /// Whether they cannot be had.
    fn has_failed(&self) -> bool {
        self.0.load(Ordering::SeqCst) == FAILED
    }

    /// Starts them by `start` if they are wanted. For the monitor.
    fn start_if_wanted(&self, start: impl FnOnce() -> bool) {
        let wanted = self.0.load(Ordering::Relaxed) == WANTED;
        if wanted {
            self.0.store(STARTED, Ordering::Release);
            if !start() {
                self.fail();
            }
        }
    }

    /// They cannot be had; who waits for them has to be woken afterwards.
    fn fail(&self) {
        self.0.store(FAILED, Ordering::SeqCst);
    }
}

/// Starts the kernel threads that are wanted. For the monitor.
pub fn start_wanted() {
    ENDS.start_if_wanted(ends::start);
    ANY.start_if_wanted(any::start);
}
