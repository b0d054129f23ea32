//! The end of a critical section: signals that came inside are handled.

use super::{actions, cancellation, errand, send, steps};
use crate::glibc::signals::{SIGCANCEL, SIGSETXID, UNBLOCKABLE};
use crate::sys::sigmask::bit;
use crate::sys::task_state;
use crate::task::{Thread, deferred};

/// Tells whoever is meant of signals that arrived inside the runtime. The caller
/// holds no lock.
pub fn deliver_deferred() {
    deferred::take_all(send::interrupt);
}

/// The end of the calling thread's critical section: what could not be handled
/// inside is handled now.
#[cold]
pub fn catch_up(me: &'static Thread) {
    // Handlers make none.
    let steps = steps::take(me);
    deliver_deferred();
    let ready = me.deliverable();
    if ready & bit(SIGCANCEL) != 0 {
        cancellation::catch_up(me);
    }
    if ready & bit(SIGSETXID) != 0 {
        errand::run(me);
    }
    let ready = me.deliverable() & !UNBLOCKABLE;
    let are_several = ready & ready.wrapping_sub(1) != 0;
    if me.mask.withholds() || are_several {
        // As in the kernel, all handlers' frames are there before the first one runs.
        send::reopen(me, |_| nudge_each(me, me.deliverable() & !UNBLOCKABLE));
    } else {
        nudge_each(me, ready);
    }
    steps::go_on(steps);
}

/// Has the kernel build the frames of the handlers for `signals`, which wait for `me`, the
/// caller, and set the masks.
fn nudge_each(me: &'static Thread, mut signals: u64) {
    while signals != 0 {
        let signal = signals.trailing_zeros() as i32 + 1;
        signals &= signals - 1;
        // Where the program has no handler any more the nudge does what the
        // signal would.
        if actions::get(signal).is_none() {
            me.pending.take(bit(signal));
        }
        send::nudge(me, task_state::own_id(), signal);
    }
}
