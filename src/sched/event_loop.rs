//! Event loops of the program's own, which wait in the kernel where nobody else needs their
//! thread.
//!
//! In the hub an epoll descriptor costs three system calls a wait (a look, the hub's own
//! wait, another look) and one event of the hub for each event of the loop's. A loop beside
//! threads that do nothing waits in its own `epoll_wait` instead, as it does natively. It
//! takes a kernel thread for that: no more loops do so at a time than there are slots.

use core::sync::atomic::{AtomicU32, Ordering};

use super::{blocking, slots, worker};
use crate::arch::cycles;
use crate::sys::in_child::{in_child, restore};
use crate::task::{Thread, current};

/// A wait that has taken no longer, in cycles, was none: some two microseconds.
const AT_ONCE: u64 = 5_000;

/// How many wait in the kernel now.
static WAITING: AtomicU32 = AtomicU32::new(0);

/// In a forked child nobody does, even if a handler has forked in the midst of its wait.
fn reset() {
    restore(&WAITING, 0);
    current().event_loop.is_counted.set(false);
}

in_child!(reset);

/// Calls `wait`, which waits in the kernel, for `me`, the caller, with its slot given away: if
/// nobody else has run there since it last asked, nobody is about to, and not too many do
/// the same. `None` otherwise.
pub fn in_kernel<R>(me: &'static Thread, wait: impl FnOnce() -> R) -> Option<R> {
    let slot = worker::of(me).slot()?;
    let known = &me.event_loop;
    let runs = slot.runs();
    // Its own coming back is one.
    let alone = runs.wrapping_sub(known.runs.replace(runs)) <= 1;
    if !alone || slots::any_queued() {
        return None;
    }
    if !blocking::may_block() {
        blocking::want_successor();
        return None;
    }
    if !known.is_counted.get() {
        if WAITING.fetch_add(1, Ordering::Relaxed) >= slots::all().len() as u32 {
            WAITING.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        known.is_counted.set(true);
    }
    let begun = cycles::now();
    blocking::enter(me);
    let result = wait();
    left(me);
    blocking::leave(me);
    known.waits.set(cycles::now().wrapping_sub(begun) > AT_ONCE);
    Some(result)
}

/// `me`, the caller, does not wait in the kernel any more; also at its end, to which it may
/// have come from the midst of a wait.
pub fn left(me: &Thread) {
    if me.event_loop.is_counted.replace(false) {
        WAITING.fetch_sub(1, Ordering::Relaxed);
    }
}
