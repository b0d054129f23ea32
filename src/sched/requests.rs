//! What the [monitor](super::monitor) is asked for: each request is a word, and rings.

use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use super::bell::Bell;
use crate::sys::clock::{self, Instant, MILLISECOND};
use crate::sys::in_child::{in_child, restore};

/// How long it does not ask the kernel for a thread in advance that was refused.
const REFUSAL: Instant = 10 * MILLISECOND;
/// A forked child keeps it: a bell that was rung makes its monitor look once, one on which a
/// monitor slept is rung once for nothing.
pub(super) static BELL: Bell = Bell::new();
/// Somebody has found no worker for an idle slot.
static WORKER_WANTED: AtomicBool = AtomicBool::new(false);
/// Somebody has found no worker that could take over his slot.
static SUCCESSOR_WANTED: AtomicBool = AtomicBool::new(false);
/// How often none could be started. A forked child counts on.
static REFUSALS: AtomicU32 = AtomicU32::new(0);
/// When the last time was.
static REFUSED: AtomicU64 = AtomicU64::new(0);
/// Somebody who cannot reach the hub wants whoever waits there to return.
static KICK: AtomicBool = AtomicBool::new(false);

/// In a forked child nobody wants anything.
fn reset() {
    restore(&WORKER_WANTED, false);
    restore(&SUCCESSOR_WANTED, false);
    restore(&REFUSED, 0);
    restore(&KICK, false);
}

in_child!(reset);

/// A slot has been taken into use: the monitor must be awake.
#[inline]
pub fn slot_in_use() {
    BELL.ring_if_asleep();
}

/// The monitor has something to try again, though not at once.
pub fn stay_awake() {
    BELL.ring_if_asleep();
}

/// Makes the monitor look soon, even if it sleeps.
pub fn rouse() {
    BELL.ring();
}

/// Has a worker started for an idle slot. The caller may be anywhere.
#[cold]
pub fn want_worker() {
    if !WORKER_WANTED.swap(true, Ordering::SeqCst) {
        BELL.ring();
    }
}

/// Has a worker started that could take over the caller's slot, if the kernel did not refuse one
/// just now.
#[cold]
pub fn want_successor() {
    if !was_refused() && !SUCCESSOR_WANTED.swap(true, Ordering::SeqCst) {
        BELL.ring();
    }
}

/// Whether the kernel has refused one just now.
pub fn was_refused() -> bool {
    // Before the clock is read: the monitor may be told no at this moment.
    let refused = REFUSED.load(Ordering::Relaxed);
    clock::now().saturating_sub(refused) < REFUSAL
}

/// How often it has.
pub fn refusals() -> u32 {
    REFUSALS.load(Ordering::Relaxed)
}

/// Kicks the hub on behalf of a thread that has other descriptors than the process.
pub fn kick() {
    KICK.store(true, Ordering::SeqCst);
    BELL.ring();
}

/// Whether a worker was wanted for an idle slot, since this was asked last.
pub(super) fn take_worker() -> bool {
    WORKER_WANTED.swap(false, Ordering::SeqCst)
}

/// Whether a worker was wanted that could take over a slot, since this was asked last.
pub(super) fn take_successor() -> bool {
    SUCCESSOR_WANTED.swap(false, Ordering::SeqCst)
}

/// The kernel has refused one.
pub(super) fn refuse() {
    REFUSED.store(clock::now(), Ordering::Relaxed);
    REFUSALS.fetch_add(1, Ordering::Relaxed);
}

/// Whether a kick of the hub is wanted.
pub(super) fn is_kick_wanted() -> bool {
    KICK.load(Ordering::SeqCst)
}

/// Whether one was, since this was asked last.
pub(super) fn take_kick() -> bool {
    KICK.swap(false, Ordering::SeqCst)
}
