//! Threads that accept a signal which waits for the process: they do not block it, or wait for it.

use core::sync::atomic::{AtomicU32, Ordering};

use crate::sched::worker::{self, Worker};
use crate::sys::in_child::{in_child, restore};
use crate::sys::sigmask::bit;
use crate::task::{Kind, Thread, all_husks, main_thread};

/// Whether `thread` does not block `signal`.
pub(super) fn accepts(thread: &Thread, signal: i32) -> bool {
    thread.mask.get() & bit(signal) == 0
}

/// The main thread if it accepts `signal`, else one that does. A wired one has a kernel
/// thread that is open to it, and is none.
pub(super) fn acceptor(signal: i32) -> Option<&'static Thread> {
    let lives = |thread: &&Thread| !thread.life.is_over() && !thread.pending.is_closed();
    main_thread()
        .into_iter()
        .chain(all_husks())
        .filter(|thread| thread.parks())
        .filter(lives)
        .find(|thread| accepts(thread, signal))
}

/// Whether a green thread runs that accepts `signal`. Its kernel thread may wait for a CPU.
pub(super) fn one_runs(signal: i32) -> bool {
    worker::all()
        .filter_map(Worker::running_thread)
        .any(|thread| thread.kind() == Kind::Green && accepts(thread, signal))
}

/// So many threads are parked for signals.
static PARKED: AtomicU32 = AtomicU32::new(0);

/// In a forked child nobody is.
fn reset() {
    restore(&PARKED, 0);
}

in_child!(reset);

/// From here on `me`, the caller, is parked for those of `wanted`, or about to be.
pub(super) fn begin_wait(me: &Thread, wanted: u64) {
    PARKED.fetch_add(1, Ordering::SeqCst);
    me.awaits.store(wanted, Ordering::SeqCst);
}

/// The end of [`begin_wait`]. Whether others wait.
#[must_use]
pub(super) fn end_wait(me: &Thread) -> bool {
    me.awaits.store(0, Ordering::SeqCst);
    PARKED.fetch_sub(1, Ordering::SeqCst) > 1
}

/// A thread that is parked for `signal`, and that nobody has told of anything yet: who was told looks for
/// others when it has taken what it wants.
pub(super) fn waiter(signal: i32) -> Option<&'static Thread> {
    if PARKED.load(Ordering::SeqCst) == 0 {
        return None;
    }
    let awaits = |thread: &&Thread| thread.awaits.load(Ordering::SeqCst) & bit(signal) != 0;
    main_thread()
        .into_iter()
        .chain(all_husks())
        .filter(|thread| thread.parks() && !thread.seat().word.is_claimed())
        .find(awaits)
}
