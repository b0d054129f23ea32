//! What lower layers ask of higher ones: the few calls that go up.

use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

use super::Thread;

/// Set once, at load, by the layer above all others.
pub struct Upcalls {
    /// Signals: the end of a critical section of the caller's, in which some have come.
    pub catch_up: fn(&'static Thread),
    /// Signals: the caller, who is no green thread, is about to wait inside the runtime, perhaps before
    /// there are any.
    pub defer_handlers: fn(),
    /// Signals: tells those who are [deferred](super::deferred). The caller holds no lock.
    pub deliver_deferred: fn(),
    /// Signals: the hub says that one was sent to the process. The caller is critical and
    /// holds no lock.
    pub look_for_signals: fn(),
    /// Signals: what the monitor does for them at each of its looks. The caller is
    /// critical and holds no lock.
    pub monitor_signals: fn(),
    /// Threads: the kernel has ended the thread, which was wired, wherever it was.
    pub killed: fn(&'static Thread),
    /// Signals: whether the monitor must go on looking.
    pub needs_monitor: fn() -> bool,
    /// Threads: makes the first context of one that has none.
    pub prepare: fn(&Thread),
    /// Threads: the thread has ended and is off its stack.
    pub retired: fn(&'static Thread),
}

/// While nothing is set nobody waits, and no thread is green.
static NOTHING: Upcalls = Upcalls {
    catch_up: |_| (),
    defer_handlers: || (),
    deliver_deferred: || (),
    look_for_signals: || (),
    monitor_signals: || (),
    killed: |_| (),
    needs_monitor: || false,
    prepare: |_| (),
    retired: |_| (),
};

/// A forked child keeps it.
static UPCALLS: AtomicPtr<Upcalls> = AtomicPtr::new(ptr::from_ref(&NOTHING).cast_mut());

/// From here on these are called.
pub fn set(upcalls: &'static Upcalls) {
    UPCALLS.store(ptr::from_ref(upcalls).cast_mut(), Ordering::Relaxed);
}

/// Those that are set.
#[inline(always)]
pub fn get() -> &'static Upcalls {
    // SAFETY: from a reference for good.
    unsafe { &*UPCALLS.load(Ordering::Relaxed) }
}
