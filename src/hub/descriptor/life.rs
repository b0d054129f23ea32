//! The lives of a descriptor number, by the names that they have (generations).
//!
//! | generation | means |
//! | --- | --- |
//! | even | a life |
//! | odd | another file is being put there, so that the number means the old or the new one |
//!
//! Nobody can tell which of the two an operation has met that began meanwhile. If it has
//! transferred nothing yet it begins anew when it learns that its life is over.

use core::sync::atomic::Ordering;

use super::{Descriptor, KNOWN, Moment};
use crate::hub::class::Class;
use crate::hub::epoll;
use crate::sys::raw::syscall;
use crate::task::word::Wake;
use crate::wait::woken::Woken;

/// How often `end` gives way to holders before it goes on.
const HOLDER_PATIENCE: u32 = 1000;

/// What follows the end of a life.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Nothing, or what is not known of.
    Unknown,
    /// A moment in which the number may mean either of two files.
    Replacement,
    /// The life of a file that has other numbers or owners as well.
    Shared,
}

/// Whether the number had no certain meaning when `generation` was its life's name.
pub fn is_replacement(generation: u32) -> bool {
    generation & 1 != 0
}

impl Descriptor {
    /// The number has just been made by a hooked call, after `since`: a new life begins.
    /// False if the one before has not ended.
    pub fn begin(&self, since: Moment) -> bool {
        let stale =
            self.registered.load(Ordering::Relaxed) | u32::from(self.flags.load(Ordering::Relaxed));
        let fresh = stale == 0 && self.class.load(Ordering::Relaxed) == Class::Unknown as u8;
        if fresh {
            self.flags.store(KNOWN, Ordering::Relaxed);
            self.private_since(since);
        }
        fresh
    }

    /// Keeps the number from being closed for the length of a system call that
    /// does not block, if it still has the life `generation`.
    #[inline(always)]
    pub fn hold(&self, generation: u32) -> bool {
        // SeqCst pairs with `end`, which changes the generation and then looks
        // for holders.
        self.held.fetch_add(1, Ordering::SeqCst);
        let same = self.generation.load(Ordering::SeqCst) == generation;
        if !same {
            self.let_go();
        }
        same
    }

    /// The end of what [`hold`](Self::hold) has begun.
    #[inline(always)]
    pub fn let_go(&self) {
        self.held.fetch_sub(1, Ordering::Release);
    }

    /// Waits for those who hold the number. Only a call that blocks against
    /// expectation (another process was faster) takes longer than a moment; that
    /// one has its file already.
    pub fn await_holders(&self) {
        for _ in 0..HOLDER_PATIENCE {
            if self.held.load(Ordering::SeqCst) == 0 {
                return;
            }
            // SAFETY: no arguments.
            unsafe { syscall!(SYS_sched_yield) };
        }
    }

    /// Ends the number's current life: whoever waits on it learns so. Called
    /// before the descriptor is closed or, to go on with `next`, replaced, and again when
    /// that is done.
    ///
    /// The caller is critical until the threads in `woken` run, and calls
    /// [`await_holders`](Self::await_holders) after that.
    pub fn end(&self, fd: i32, next: Next, woken: &mut Woken) {
        self.lock.lock();
        // SeqCst pairs with `hold`. Written under the lock only.
        let generation = self.generation.load(Ordering::Relaxed);
        let following = match next {
            Next::Replacement => generation.wrapping_add(2) | 1,
            Next::Unknown | Next::Shared => generation.wrapping_add(2) & !1,
        };
        self.generation.store(following, Ordering::SeqCst);
        let flags = if next == Next::Shared { KNOWN } else { 0 };
        self.flags.store(flags, Ordering::Relaxed);
        if self.registered.swap(0, Ordering::Relaxed) == epoll::epoch() && !self.is_private() {
            // The kernel drops a registration with the last reference to the
            // file, and others may hold references.
            epoll::unregister(fd);
        }
        self.share();
        self.class.store(Class::Unknown as u8, Ordering::Relaxed);
        self.status_changed();
        for side in &self.sides {
            side.drained.store(0, Ordering::Relaxed);
            side.edges.fetch_add(1, Ordering::Release);
            // SAFETY: under the lock.
            unsafe { side.wake(Wake::Closed, true, woken) };
        }
        self.lock.unlock();
    }
}
