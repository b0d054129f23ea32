//! Whether anybody else can have a file, and so change its status behind our back.
//!
//! Every start of a process gives all files to the child. Instead of a walk over all
//! that were private until then it is a new moment: what was made private at another
//! one is shared.

use core::sync::atomic::{AtomicU32, Ordering};

use super::Descriptor;

/// Alone in its cache line: every wait looks at it, and almost nobody changes it.
#[repr(align(64))]
struct Clock(AtomicU32);

/// Even: the present moment is one more. A forked child keeps it: a moment that has passed has
/// passed there, too.
static CLOCK: Clock = Clock(AtomicU32::new(0));

/// A stretch of time in which no process was started.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Moment(u32);

/// The present one. Asked for before the call that makes a descriptor: a child that was
/// started since may have it.
pub fn now() -> Moment {
    Moment(CLOCK.0.load(Ordering::Acquire) | 1)
}

/// Every open file has got another owner, or is about to.
pub fn share_all() {
    CLOCK.0.fetch_add(2, Ordering::AcqRel);
}

impl Moment {
    /// Never 0.
    pub(super) fn number(self) -> u32 {
        self.0
    }

    /// Whether no process was started since.
    pub fn lasts(self) -> bool {
        self == now()
    }
}

impl Descriptor {
    /// The file, made after `since`, has this one number, in this process only.
    pub(super) fn private_since(&self, since: Moment) {
        self.private.store(since.0, Ordering::Relaxed);
    }

    /// The file has got another number or another owner.
    pub fn share(&self) {
        self.private.store(0, Ordering::Relaxed);
    }

    /// Whether nobody else can have the file.
    #[inline(always)]
    pub fn is_private(&self) -> bool {
        self.private.load(Ordering::Relaxed) == now().0
    }
}
