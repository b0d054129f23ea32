//! What a number means to a call that finds its file by it more than once.

use super::EBADF;
use crate::hub::descriptor::{self, Descriptor};
use crate::task::Thread;

/// The life of a number that a call began in.
#[derive(Clone, Copy)]
pub struct Life {
    /// Whose call it is.
    pub(super) me: &'static Thread,
    pub(super) fd: i32,
    pub(super) entry: &'static Descriptor,
    generation: u32,
}

impl Life {
    /// What `fd` means now, when a call of `me` begins. `None` for numbers beyond the table.
    #[inline(always)]
    pub fn of(me: &'static Thread, fd: i32) -> Option<Self> {
        let entry = descriptor::get(fd)?;
        let generation = entry.generation();
        Some(Self {
            me,
            fd,
            entry,
            generation,
        })
    }

    /// What the same number means now.
    pub(super) fn following(self) -> Self {
        let generation = self.entry.generation();
        Self { generation, ..self }
    }

    pub(super) fn generation(&self) -> u32 {
        self.generation
    }

    /// Whether the number means something else by now.
    pub(super) fn is_over(&self) -> bool {
        self.entry.generation() != self.generation
    }

    /// Whether the number had no certain meaning when the call began: it was being closed, or replaced.
    #[inline(always)]
    pub(super) fn is_uncertain(&self) -> bool {
        descriptor::is_uncertain(self.generation)
    }

    /// Whether others may end it, and say so. A child that a handler has forked in a wait has no others, and knows
    /// of no lives.
    pub(super) fn is_kept(&self) -> bool {
        !self.is_uncertain() && self.me.is_green()
    }

    /// Runs `call`, a system call that does not block, if this life has not ended, and does not meanwhile.
    #[inline]
    pub(super) fn held<R>(&self, call: impl FnOnce() -> R) -> Option<R> {
        self.entry.held(self.me, self.generation, call)
    }

    /// Runs `call`, a system call that does not block but against expectation, likewise, if the life is kept; else
    /// as it is.
    pub(super) fn keeping(&self, call: impl FnOnce() -> isize) -> isize {
        if self.is_kept() {
            self.held(call).unwrap_or(EBADF)
        } else {
            call()
        }
    }

    /// Runs `call`, a system call that may wait, in a blocking region, for no other file.
    pub(super) fn entering(&self, call: impl FnOnce() -> isize) -> isize {
        if self.is_kept() {
            let result = self.entry.entered(self.generation, call);
            result.unwrap_or(EBADF)
        } else {
            call()
        }
    }
}
