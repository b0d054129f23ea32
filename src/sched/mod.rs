//! The scheduler: green threads over workers, workers over slots.
//!
//! - [`switch`]: one context to another;
//! - [`slot`]: the right to run green threads, and its run queue;
//! - [`worker`]: a kernel thread that holds a slot most of the time;
//! - [`mask`]: the signal mask of a worker's kernel thread;
//! - [`kernel_thread`]: starting and ending one;
//! - [`idle`]: slots and workers without work, and who wakes them;
//! - [`blocking`]: stretches that block the kernel thread;
//! - [`monitor`]: takes slots away from whoever is stuck;
//! - [`runtime`]: start, and start again in a forked child.

pub mod blocking;
pub mod idle;
pub mod kernel_thread;
mod mask;
pub mod monitor;
pub mod runtime;
pub mod slot;
pub mod switch;
pub mod worker;

use crate::thread::{Critical, Kind, Thread, current};
use slot::Pick;

/// What the next context does for the one that switched to it, once that one's
/// registers are in memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum After {
    /// Nothing: a worker's base context is never in a queue.
    Nothing,
    /// Complete the rendezvous of a thread that parks.
    Publish,
    /// Put a thread that only yields back into a run queue.
    Requeue,
    /// Let joiners know that a thread has ended and its stack is free.
    Retire,
}

/// Makes `thread`, which is saved and in no queue, runnable.
#[inline]
pub fn make_runnable(thread: &Thread) {
    let me = current();
    let on_worker = me.kind() == Kind::Base || me.parks();
    if on_worker {
        // SAFETY: what runs on a worker knows it; workers are never freed.
        let worker = unsafe { &*me.worker.get() };
        if let Some(queued) = worker.push(thread) {
            // One runnable thread will run here as soon as the caller parks; a
            // second one is worth another worker.
            if queued >= 2 || me.kind() == Kind::Base {
                idle::wake_for_work();
            }
            return;
        }
    }
    slot::GLOBAL.push(thread);
    idle::wake_for_work();
}

/// Switches the calling thread out until it is claimed. The caller is critical,
/// has armed, and holds no lock.
#[inline]
pub fn park(me: &'static Thread) {
    if !me.is_claimed() {
        leave(me, After::Publish);
    }
}

/// Lets other runnable threads go first; false if there were none.
pub fn yield_now(me: &'static Thread) -> bool {
    let _critical = Critical::enter();
    leave(me, After::Requeue)
}

/// Ends the calling context for good; [`After::Retire`] follows on another.
pub fn retire(me: &'static Thread) -> ! {
    leave(me, After::Retire);
    unreachable!("a retired context was resumed");
}

/// Switches to whoever is next; false if that is the caller.
#[inline]
fn leave(me: &'static Thread, after: After) -> bool {
    // SAFETY: what runs on a worker knows it; workers are never freed.
    let worker = unsafe { &*me.worker.get() };
    let next = match worker.pick() {
        Pick::Run(next) => next,
        // Nobody else: a yielding thread goes on, and so does one that the look
        // around has just woken.
        Pick::Empty if after == After::Requeue => return false,
        Pick::Empty if after == After::Publish && me.is_claimed() => return false,
        Pick::Empty | Pick::Lost => worker.base(),
    };
    switch::to(me, next, worker, after);
    true
}
