//! The word behind the runtime's own lock, and the kernel threads that sleep for it.
//!
//! To give a lock back is a plain store, since a locked instruction takes as long as all else
//! that happens under most of them. Who does that looks for sleepers afterwards, without a
//! fence; a sleeper, which has time, makes up for it.
//!
//! | transition | from | to |
//! | --- | --- | --- |
//! | to take it, [`acquire`](LockWord::acquire) | `held` 0 | 1 |
//! | to fall asleep, when looks have not helped | `held` 1 | `sleepers` + 1; a fence on all processors; one more look |
//! | to give it back, [`release`](LockWord::release) | `held` 1 | 0; then, if there are `sleepers`, one is woken |
//! | to wake up, when it has taken it | `sleepers` | − 1 |

use core::time::Duration;

use crate::sys::atomic::{AtomicU32, Ordering};
use crate::sys::{futex, membarrier};

/// How often a lock that is held is looked at before its waiter sleeps: for longer than most are
/// held, by a holder that runs.
const LOOKS: u32 = if cfg!(model) { 1 } else { 100 };

/// Who may go unseen by whoever gives the lock back sleeps no longer than this.
const UNSEEN: Duration = Duration::from_micros(100);

/// See the module. All zeros is a free one.
#[derive(Default)]
pub struct LockWord {
    /// 1 while somebody holds it: a futex.
    held: AtomicU32,
    /// How many kernel threads sleep until it is free, or are about to.
    sleepers: AtomicU32,
}

impl LockWord {
    /// A free one.
    #[cfg(not(model))]
    pub const fn new() -> Self {
        Self {
            held: AtomicU32::new(0),
            sleepers: AtomicU32::new(0),
        }
    }

    /// Takes it if it is free.
    #[inline(always)]
    #[must_use]
    pub fn try_acquire(&self) -> bool {
        // Acquire pairs with the Release in `release`.
        self.held
            .compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    /// Takes it, after a short spin by sleeping in the kernel.
    #[inline(always)]
    pub fn acquire(&self) {
        if !self.try_acquire() {
            self.acquire_contended();
        }
    }

    /// Gives it back. No fence: what follows may be done before others see it free.
    #[inline(always)]
    pub fn release(&self) {
        self.held.store(0, Ordering::Release);
        // Pairs with the heavy one in `acquire_contended`: this sees the sleeper, or the sleeper sees that
        // the lock is free.
        membarrier::light();
        if self.sleepers.load(Ordering::Relaxed) != 0 {
            self.wake_sleeper();
        }
    }

    /// Whether somebody holds it.
    pub fn is_held(&self) -> bool {
        self.held.load(Ordering::Relaxed) != 0
    }

    /// Whether nobody holds it or sleeps for it.
    pub fn is_idle(&self) -> bool {
        !self.is_held() && self.sleepers.load(Ordering::Relaxed) == 0
    }

    /// Makes it a free one, whoever may have held it or slept for it.
    ///
    /// # Safety
    /// The caller is the process's only thread.
    pub unsafe fn reset(&self) {
        // Without a store to a free one: in a forked child that would have its page copied.
        for word in [&self.held, &self.sleepers] {
            if word.load(Ordering::Relaxed) != 0 {
                word.store(0, Ordering::Relaxed);
            }
        }
    }

    #[cold]
    fn wake_sleeper(&self) {
        // One: it takes the lock and wakes the next when it gives that back, or finds it
        // taken by somebody who does.
        futex::wake(core::ptr::from_ref(&self.held).cast(), 1);
    }

    #[cold]
    fn acquire_contended(&self) {
        for _ in 0..LOOKS {
            if !self.is_held() && self.try_acquire() {
                return;
            }
            core::hint::spin_loop();
        }
        self.sleepers.fetch_add(1, Ordering::Relaxed);
        let is_seen = membarrier::heavy();
        while !self.try_acquire() {
            if is_seen {
                futex::wait(&self.held, 1);
            } else {
                futex::wait_for(&self.held, 1, UNSEEN);
            }
        }
        self.sleepers.fetch_sub(1, Ordering::Relaxed);
    }
}
