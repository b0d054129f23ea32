//! Blocking regions: stretches in which a green thread may block its kernel
//! thread, while its slot serves others.
//!
//! What has no readiness form (`getaddrinfo`, `flock`, opening a FIFO, a
//! process-shared lock) just runs there, on the green thread's own stack.

use super::idle;
use super::slot;
use super::{After, switch};
use crate::sync::sem::Sem;
use crate::thread::{Critical, Thread, green};

/// Runs `act`, which may block, with the caller's slot given away.
///
/// `act` may unwind (cancellation): the thread then goes on without a slot, as
/// one that the monitor has taken it from, until it next parks.
#[inline]
pub fn region<R>(act: impl FnOnce() -> R) -> R {
    let Some(me) = green() else { return act() };
    enter(me);
    let result = act();
    leave(me);
    result
}

/// So many name lookups may hold a kernel thread at a time; the rest queue.
const LOOKUPS: u32 = 32;

static PERMITS: Sem = Sem::new(LOOKUPS);

/// [`region`] for what is certain to end without anybody else's help, however many
/// threads do it at once. `act` must not unwind.
pub fn capped<R>(act: impl FnOnce() -> R) -> R {
    if green().is_none() {
        return act();
    }
    while PERMITS.wait() != 0 {
        // A handler has run; name lookups go on.
    }
    let result = region(act);
    PERMITS.post();
    result
}

fn enter(me: &'static Thread) {
    let _critical = Critical::enter();
    // SAFETY: what runs on a worker knows it; workers are never freed.
    let worker = unsafe { &*me.worker.get() };
    let Some(slot) = worker.slot() else { return };
    worker.set_slot(None);
    if slot.take_from(worker, None) {
        idle::lay_down(slot);
        if slot::any_queued() || idle::needs_poller() {
            idle::wake_worker();
        }
    }
}

/// Makes the calling green thread the owner of its kernel thread for good: it
/// is about to change what the kernel keeps per thread (credentials, affinity,
/// namespaces, …). No effect on others.
pub fn wire() {
    if let Some(me) = green() {
        enter(me);
        // SAFETY: what runs on a worker knows it; workers are never freed.
        unsafe { &*me.worker.get() }.set_altered();
        me.set_wired();
    }
}

fn leave(me: &'static Thread) {
    let _critical = Critical::enter();
    // SAFETY: as in `enter`. The thread has not switched: it is still there.
    let worker = unsafe { &*me.worker.get() };
    if worker.slot().is_none() && !idle::acquire(worker) {
        // All slots are busy: queue for one like everybody else.
        switch::to(me, worker.base(), worker, After::Requeue);
    }
}
