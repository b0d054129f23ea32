//! What the creator of a thread has asked for, as `pthread_getattr_np(3)` tells it.

use core::sync::atomic::{AtomicUsize, Ordering};

/// glibc rounds sizes of stacks down to that, which leaves room for a bit.
const STEP: usize = 64;
const EXPLICIT: usize = 1;

/// See the module.
#[derive(Default)]
pub struct Asked(AtomicUsize);

impl Asked {
    /// Notes it: bytes of stack, and whether the scheduling was to be that of the attributes.
    pub fn set(&self, stack_size: usize, explicit: bool) {
        let flag = if explicit { EXPLICIT } else { 0 };
        self.0
            .store(stack_size & !(STEP - 1) | flag, Ordering::Relaxed);
    }

    /// Bytes of stack. The thread may have more.
    pub fn stack_size(&self) -> usize {
        self.0.load(Ordering::Relaxed) & !(STEP - 1)
    }

    /// Whether the scheduling was to be that of the attributes (`PTHREAD_EXPLICIT_SCHED`).
    pub fn is_explicit(&self) -> bool {
        self.0.load(Ordering::Relaxed) & EXPLICIT != 0
    }
}
