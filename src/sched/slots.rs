//! The slots of the process, and the queue that they share.

use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};

use super::run_queue::Place;
use super::slot::{Pick, Shared, Slot};
use super::worker::Worker;
use crate::settings::MAX_SLOTS;
use crate::sys::in_child::in_child;
use crate::sys::pages;
use crate::wait::DEADLINES;

/// Whole pages, all zeros while no slot is in use: so they can be wiped in a forked child.
#[repr(align(4096))]
struct Slots([Slot; MAX_SLOTS]);

/// In a forked child [`memory`] is wiped.
#[unsafe(link_section = ".llvm.linkonce.b.wiped")]
static SLOTS: Slots = Slots([const { Slot::new() }; MAX_SLOTS]);
/// How many of them are used. A forked child sets it when it starts threads of its own.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Where those queue who have no slot to queue at.
pub static SHARED: Shared = Shared::new();

/// The slots that this process uses.
#[inline(always)]
pub fn all() -> &'static [Slot] {
    &SLOTS.0[..COUNT.load(Ordering::Relaxed)]
}

/// The place of `slot` among [`all`].
pub fn index(slot: &'static Slot) -> usize {
    let index = (ptr::from_ref(slot).addr() - SLOTS.0.as_ptr().addr()) / size_of::<Slot>();
    debug_assert!(ptr::eq(&SLOTS.0[index], slot));
    index
}

/// Takes `slot` from whoever holds it, and sends those who wait there elsewhere; false if
/// nobody holds it.
pub fn vacate(slot: &'static Slot) -> bool {
    let owner = slot.owner();
    let taken = !owner.is_null() && slot.take_from(owner, None);
    if taken {
        SHARED.global.push(slot.drain());
    }
    taken
}

/// Has `count` slots from now on.
pub fn set_count(count: usize) {
    COUNT.store(count.clamp(1, MAX_SLOTS), Ordering::Relaxed);
    DEADLINES.set_slots(count);
}

/// [`Slot::pick`] at `slot`, which `worker` may still hold.
#[inline(always)]
pub fn pick(slot: &Slot, worker: &Worker) -> (Pick, u32) {
    slot.pick(worker, &SHARED, all().len() as u32)
}

/// Brings half of another slot's queue to `slot`, which `worker` holds. Returns how many
/// threads came.
pub fn steal(slot: &Slot, worker: &Worker) -> u32 {
    all()
        .iter()
        .filter(|victim| !ptr::eq(*victim, slot))
        .map(|victim| take_over(victim, slot, worker))
        .find(|count| *count > 0)
        .unwrap_or(0)
}

/// [`steal`] from `victim`.
pub fn take_over(victim: &Slot, slot: &Slot, worker: &Worker) -> u32 {
    let loot = victim.take_half();
    let count = loot.len();
    if count > 0
        && let Err(loot) = slot.push(worker, loot, Place::Last)
    {
        SHARED.global.push(loot);
    }
    count
}

/// Whether a thread waits that `worker` is to run next.
pub fn has_queued(worker: &Worker) -> bool {
    SHARED.len() > 0 || worker.slot().is_some_and(|slot| slot.queued() > 0)
}

/// Whether any queue has a thread in it.
pub fn any_queued() -> bool {
    SHARED.len() > 0 || all().iter().any(|slot| slot.queued() > 0)
}

/// The slots as memory.
pub fn memory() -> (*mut u8, usize) {
    pages::of(&SLOTS)
}

/// Empties all queues: in a forked child the threads do not exist.
///
/// # Safety
/// The caller is the process's only thread.
unsafe fn reset() {
    // SAFETY: as the caller promises.
    unsafe {
        let (slots, size) = memory();
        pages::wipe_if_copied(slots, size);
        SHARED.global.reset();
        SHARED.returning.reset();
    }
}

in_child!(reset);
