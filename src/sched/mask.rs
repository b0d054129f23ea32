//! The signal mask of a worker's kernel thread.
//!
//! It follows the green thread that the worker runs. On the base context, where
//! no green thread does, it follows the main thread's: what that accepts for the
//! process may be taken here and is passed on to it. So when the main thread
//! closes its mask, it must know that no base context goes on with the open one
//! ([`KernelMask::in_base`]).
//!
//! But it leaves alone what has a handler: it might be some time until it runs and has passed the signal on, and the
//! main thread, if that runs, would learn in other ways that the signal was sent, by a `waitpid` for the sender, and
//! not have handled it. Natively the kernel gives it to the main thread.

use core::cell::Cell;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::glibc::signals::UNBLOCKABLE;
use crate::sys::in_child::{in_child, restore};
use crate::sys::sigmask::{self, bit};
use crate::task::main_thread;
use crate::task::mask::COUNTED;

/// Everything that can be blocked is: glibc counts on its own signals to arrive.
const CLOSED: u64 = !UNBLOCKABLE;

/// In the mask that is noted while the thread that runs is [counted](COUNTED): it is no thread's,
/// so the next switch finds a mask that differs.
const COUNTS: u64 = bit(libc::SIGSTOP);

/// Signals that queue, if there is a handler for any of them. A forked child keeps it, as it keeps
/// its handlers.
static IN_ORDER: AtomicU64 = AtomicU64::new(0);

/// Signals that have a handler, but for those that are about whoever runs. A forked child keeps it, as it
/// keeps its handlers.
static HANDLED: AtomicU64 = AtomicU64::new(0);

/// The hub says when a signal waits in the kernel.
static TOLD: AtomicBool = AtomicBool::new(false);

/// A handler for `signals` was installed, or is one no more. True if base contexts may be open to what they
/// are to [leave alone](left_alone) from here on.
pub fn note_handled(signals: u64, are_handled: bool) -> bool {
    if are_handled {
        HANDLED.fetch_or(signals, Ordering::SeqCst) & signals != signals
    } else {
        HANDLED.fetch_and(!signals, Ordering::SeqCst);
        false
    }
}

/// From here on the hub says when a signal waits in the kernel.
pub fn note_told() {
    TOLD.store(true, Ordering::Relaxed);
}

/// Signals that are better left to whoever runs their handlers: the kernel has them until such a thread
/// runs, and the hub says that they are there.
#[inline(always)]
fn left_alone() -> u64 {
    if TOLD.load(Ordering::Relaxed) {
        HANDLED.load(Ordering::SeqCst)
    } else {
        0
    }
}

/// Signals that the main thread is about to block.
static CLOSING: AtomicU64 = AtomicU64::new(0);

/// In a forked child the main thread is not at it, and nobody looks out.
fn reset() {
    restore(&CLOSING, 0);
    restore(&TOLD, false);
}

in_child!(reset);

/// While it lives no base context becomes open to what the main thread is about to block.
pub struct Closing(());

impl Closing {
    /// From here on. For the main thread.
    pub(super) fn begin(signals: u64) -> Self {
        CLOSING.store(signals, Ordering::SeqCst);
        Self(())
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        CLOSING.store(0, Ordering::SeqCst);
    }
}

/// From here on only whoever accepts one of `signals` may take it from the kernel: their
/// order must not depend on who is faster. True if that is new.
pub fn keep_in_order(signals: u64) -> bool {
    IN_ORDER.swap(signals, Ordering::SeqCst) != signals
}

/// Signals of which only whoever accepts them may take one from the kernel.
pub fn kept_in_order() -> u64 {
    IN_ORDER.load(Ordering::Relaxed)
}

/// Signals that a base context is closed to: those that the main thread blocks or is
/// [about to](Closing), or all, once that has ended; and those that are to be [kept in order](keep_in_order).
#[inline(always)]
pub fn idle_mask() -> u64 {
    main_thread().map_or(!UNBLOCKABLE, |main| {
        main.settled_mask.load(Ordering::SeqCst)
            | IN_ORDER.load(Ordering::SeqCst)
            | CLOSING.load(Ordering::SeqCst)
    })
}

/// Signals that a base context is closed to while it runs, or waits in the hub.
#[inline(always)]
pub fn base_mask() -> u64 {
    idle_mask() | left_alone()
}

/// See the module.
pub struct KernelMask {
    /// As last set; touched by the worker's own kernel thread.
    current: Cell<u64>,
    /// What is blocked on the base context, or will be in a moment; all, while a
    /// green thread runs.
    base: AtomicU64,
}

impl KernelMask {
    /// The mask of a kernel thread that does not run yet.
    pub const fn new() -> Self {
        Self {
            current: Cell::new(0),
            base: AtomicU64::new(CLOSED),
        }
    }

    /// Reads the calling kernel thread's mask.
    pub fn adopt(&self) {
        self.current.set(sigmask::get());
    }

    /// As last set.
    pub fn get(&self) -> u64 {
        self.current.get()
    }

    /// Notes a mask that was set behind the scheduler's back.
    pub fn note(&self, mask: u64) {
        self.current.set(mask | self.current.get() & COUNTS);
    }

    /// The thread that runs is counted from here on.
    pub fn count(&self) {
        self.current.set(self.current.get() | COUNTS);
    }

    /// Gives the kernel thread the mask of the green thread that it runs. False if it has that
    /// already.
    #[inline(always)]
    pub fn sync(&self, mask: u64) -> bool {
        let differs = self.current.get() != mask;
        if differs {
            self.set(mask);
        }
        differs
    }

    #[cold]
    fn set(&self, mask: u64) {
        let mut wanted = mask | if mask & COUNTED != 0 { COUNTS } else { 0 };
        loop {
            // Noted first: a signal that comes in between may have it closed further.
            self.current.set(wanted);
            sigmask::set(wanted);
            match self.current.get() {
                now if now == wanted => return,
                now => wanted = now,
            }
        }
    }

    /// The base context runs from here on, open to what the main thread is open to, but for what is
    /// [left alone](left_alone). False if nothing else has changed.
    pub fn enter_base(&self) -> bool {
        self.follow(base_mask)
    }

    /// The base context is about to sleep, open to what `open` says only.
    pub fn doze(&self, open: fn() -> u64) {
        self.follow(|| CLOSED & !open());
    }

    /// The base context runs with the mask that `wanted` says from here on. False if nothing else
    /// has changed.
    fn follow(&self, wanted: impl Fn() -> u64) -> bool {
        let before = self.base.load(Ordering::Relaxed);
        let mut mask = wanted();
        loop {
            // Announced first, then compared once more: the main thread changes its
            // mask first, then looks at announcements (SeqCst on both sides). Until the kernel
            // knows, the mask is the one from before.
            self.base.store(mask & before, Ordering::SeqCst);
            match wanted() {
                now if now == mask => break,
                now => mask = now,
            }
        }
        let differs = self.sync(mask);
        self.base.store(mask, Ordering::Release);
        differs
    }

    /// A green thread with this mask runs from here on. False if nothing else has changed.
    #[inline(always)]
    pub fn leave_base(&self, mask: u64) -> bool {
        let differs = self.sync(mask);
        // Release: after the kernel's own change.
        self.base.store(CLOSED, Ordering::Release);
        differs
    }

    /// No green thread runs any more on the kernel thread, which is about to end.
    pub fn close(&self) {
        self.leave_base(CLOSED);
    }

    /// Blocked for certain while no green thread runs on the kernel thread.
    pub fn in_base(&self) -> u64 {
        self.base.load(Ordering::SeqCst)
    }
}
