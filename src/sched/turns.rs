//! How many kernel threads may be blocked at once, by what has to block one.
//!
//! Whoever would be one too many queues, in order of arrival, until another one is back. What
//! a blocked thread waits for may have to come from one that queues: so when none has come
//! back for a while the monitor lets more of them in ([`look`]), a quarter more each time,
//! until nobody queues.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::{park, requests, wake};
use crate::settings;
use crate::sys::clock::{self, Instant, MILLISECOND};
use crate::sys::in_child::{in_child, restore};
use crate::task::Critical;
use crate::task::word::{Cancellation, Wake};

/// When more are let in.
pub struct Raise {
    /// After so long without anybody's return.
    patience: Instant,
    /// So many at least.
    least: u32,
}

/// For calls that wait for each other, perhaps.
const SOON: Raise = Raise {
    patience: 50 * MILLISECOND,
    least: 4,
};
/// For those that are slow when the machine is busy, and wait for each other hardly ever.
const LATE: Raise = Raise {
    patience: 250 * MILLISECOND,
    least: 1,
};

/// The turns at blocking a kernel thread for one purpose.
pub struct Turns {
    /// So many are blocked.
    used: AtomicU32,
    /// So many more than usual may be.
    raised: AtomicU32,
    /// So many queue.
    queued: AtomicU32,
    /// How often somebody has come back.
    returns: AtomicU32,
    /// What the monitor has last seen of that, and when it was another number.
    seen: AtomicU32,
    since: AtomicU64,
    usual: fn() -> u32,
    raise: Raise,
    /// Whether nobody has one while he runs a handler.
    are_left_in_handlers: bool,
}

impl Turns {
    /// One at a time, for who does not need to [`look`].
    pub const fn one() -> Self {
        Self::new(|| 1, SOON)
    }

    /// [`one`](Self::one), which is somebody else's as soon as its owner runs a handler, which might never return.
    pub const fn one_outside_handlers() -> Self {
        Self {
            are_left_in_handlers: true,
            ..Self::one()
        }
    }

    const fn new(usual: fn() -> u32, raise: Raise) -> Self {
        Self {
            used: AtomicU32::new(0),
            raised: AtomicU32::new(0),
            queued: AtomicU32::new(0),
            returns: AtomicU32::new(0),
            seen: AtomicU32::new(0),
            since: AtomicU64::new(0),
            usual,
            raise,
            are_left_in_handlers: false,
        }
    }

    /// Whether nobody has one while he runs a handler.
    pub fn are_left_in_handlers(&self) -> bool {
        self.are_left_in_handlers
    }

    /// In a forked child nobody else blocks.
    pub fn reset(&self) {
        for count in [&self.used, &self.raised, &self.queued] {
            restore(count, 0);
        }
    }

    fn is_free(&self) -> bool {
        // SeqCst: who queues sees who has returned, or is seen by him.
        self.used.load(Ordering::SeqCst) < (self.usual)() + self.raised.load(Ordering::SeqCst)
    }

    fn key(&self) -> usize {
        self.used.as_ptr().addr()
    }

    /// Has all look who queue: what they wait for has come.
    pub fn let_all_look(&self) {
        wake::up_to(self.key(), usize::MAX);
    }

    /// Has the next one of them look.
    pub fn let_next_look(&self) {
        wake::up_to(self.key(), 1);
    }

    /// Waits until there is a turn, which is not taken yet: `None` then, or why the wait has
    /// ended.
    pub fn await_free(&self, cancellation: Cancellation, deadline: Instant) -> Option<Wake> {
        if self.is_free() && self.queued.load(Ordering::Relaxed) == 0 {
            return None;
        }
        // No handler runs meanwhile: it might never return.
        let _critical = Critical::enter();
        self.queued.fetch_add(1, Ordering::SeqCst);
        requests::stay_awake();
        let taken = || (!self.is_free()).then_some(0);
        let reason = park::on_address(self.key(), deadline, cancellation, taken, || (), || ());
        self.queued.fetch_sub(1, Ordering::SeqCst);
        if self.is_free() { None } else { reason }
    }

    pub(super) fn take(&self) {
        self.used.fetch_add(1, Ordering::SeqCst);
    }

    /// The caller is critical, and holds no lock.
    pub(super) fn give_back(&self) {
        self.used.fetch_sub(1, Ordering::SeqCst);
        self.returns.fetch_add(1, Ordering::Relaxed);
        if self.queued.load(Ordering::SeqCst) > 0 {
            wake::up_to(self.key(), 1);
        }
    }

    /// So many are blocked.
    pub fn used(&self) -> u32 {
        self.used.load(Ordering::SeqCst)
    }

    fn look(&self, now: Instant) {
        let returns = self.returns.load(Ordering::Relaxed);
        let queued = self.queued.load(Ordering::SeqCst);
        if queued == 0 || self.seen.swap(returns, Ordering::Relaxed) != returns {
            self.since.store(now, Ordering::Relaxed);
            // Where all of the usual ones are blocked for long, each new one would have to be patient again.
            if queued == 0 && self.used() < (self.usual)() {
                self.raised.store(0, Ordering::Relaxed);
            }
        } else if now - self.since.load(Ordering::Relaxed) >= self.raise.patience {
            self.since.store(now, Ordering::Relaxed);
            let more = (self.used() / 4).max(self.raise.least);
            self.raised.fetch_add(more, Ordering::SeqCst);
            wake::up_to(self.key(), more as usize);
        }
    }
}

/// In calls that wait for others or for a device.
pub static CALLS: Turns = Turns::new(settings::max_blocking, SOON);
/// While a program is started, until it is executed: that is mostly the processor's work, and
/// more at a time are not done sooner.
pub static STARTS: Turns = Turns::new(|| 6, LATE);

/// In a forked child nobody else blocks.
fn reset() {
    CALLS.reset();
    STARTS.reset();
}

in_child!(reset);

/// Whether anybody queues.
pub fn any_queued() -> bool {
    CALLS.queued.load(Ordering::SeqCst) + STARTS.queued.load(Ordering::SeqCst) > 0
}

/// Lets more in if it has to be. For the monitor.
pub fn look() {
    let now = clock::now();
    CALLS.look(now);
    STARTS.look(now);
}
