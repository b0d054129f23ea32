//! Slots whose owners do not come back to the scheduler.

use super::looks;
use crate::sched::slot::Slot;
use crate::sched::worker::Worker;
use crate::sched::{idle, slots, statistics};
use crate::settings::MAX_SLOTS;
use crate::sys::clock::{self, Instant, MILLISECOND, SECOND};

/// How long a slot may go without a dispatch while somebody else could use it.
const PATIENCE: Instant = 9 * MILLISECOND;
/// How long it may do so while nobody could: afterwards a worker in the hub
/// looks out for the others' events, cheaper than the monitor.
const LONG_PATIENCE: Instant = 100 * MILLISECOND;

/// How long after somebody was found asleep others are taken for such as are about to do the
/// same.
const ALARM: Instant = 20 * MILLISECOND;

/// Who makes so many transfers from and to files in a second does not compute in between.
const SHORT: u64 = 5_000;

/// What a look has found: that others wait for a slot whose owner does not come back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stuck {
    /// There is no such slot.
    Nobody,
    /// Others wait, and who has the slot may be about to block.
    Soon,
    /// He does short things to files, one after the other.
    Transfers,
    /// He computes.
    Computes,
    /// He sleeps in the kernel.
    Blocked,
}

/// What the monitor remembers of a slot between two looks.
#[derive(Clone, Copy)]
struct Seen {
    owner: *const Worker,
    ticks: u32,
    /// When it was first seen so.
    since: Instant,
    /// Transfers so far at the last look, and when that was.
    transfers: u32,
    looked: Instant,
    /// The CPU time that the owner had used by the last look, in nanoseconds.
    used: u64,
}

/// What the monitor remembers of all slots.
pub struct Watch {
    slots: [Seen; MAX_SLOTS],
    /// Until when a crowd may be entering a call that blocks.
    alarm: Instant,
}

impl Watch {
    /// Nothing.
    pub const fn new() -> Self {
        Self {
            slots: [Seen {
                owner: core::ptr::null(),
                ticks: 0,
                since: 0,
                transfers: 0,
                looked: 0,
                used: 0,
            }; MAX_SLOTS],
            alarm: 0,
        }
    }

    /// Takes slots away from owners that are stuck, and calls workers for them; returns what
    /// was found.
    pub fn look(&mut self) -> Stuck {
        let now = clock::now();
        let is_alarmed = now < self.alarm;
        let mut found = Stuck::Nobody;
        for (slot, seen) in slots::all().iter().zip(&mut self.slots) {
            found = found.max(seen.look(slot, now, is_alarmed));
        }
        if found == Stuck::Blocked {
            self.alarm = now + ALARM;
        }
        found
    }
}

impl Seen {
    /// `is_alarmed`: the others of a crowd are probably on their way into the kernel. Who is
    /// asleep there is believed at the first look, and another look follows soon.
    fn look(&mut self, slot: &'static Slot, now: Instant, is_alarmed: bool) -> Stuck {
        let (owner, ticks) = (slot.owner().cast_const(), slot.ticks());
        // SAFETY: null, or a worker, which is never freed.
        let Some(worker) = (unsafe { owner.as_ref() }) else {
            self.owner = owner;
            return Stuck::Nobody;
        };
        let wanted = slot.queued() > 0 || slots::SHARED.len() > 0;
        let used = if wanted { worker.cpu_time() } else { 0 };
        if owner != self.owner || ticks != self.ticks {
            *self = Self {
                owner,
                ticks,
                since: now,
                transfers: slot.transfers(),
                looked: now,
                used,
            };
            if !is_alarmed || !wanted {
                return Stuck::Nobody;
            }
        }
        let stuck = now - self.since;
        // Who computes is left alone for a while, who sleeps in the kernel is not. The
        // kernel's word is only asked for where the CPU time has stood still: he may have
        // lost the processor to another process.
        let blocked = wanted && used == self.used && looks::is_asleep(worker.kernel_id());
        self.used = used;
        let transfers = slot.transfers().wrapping_sub(self.transfers).cast_signed();
        let transfers_on = u64::try_from(transfers)
            .is_ok_and(|count| count * SECOND > (now - self.looked) * SHORT);
        self.transfers = slot.transfers();
        self.looked = now;
        if (blocked || stuck >= LONG_PATIENCE || stuck >= PATIENCE && wanted)
            && slot.take_from(owner, Some(ticks))
        {
            statistics::handed_on(blocked);
            idle::lay_down(slot);
            idle::start_worker();
        }
        match (wanted, blocked) {
            (false, _) => Stuck::Nobody,
            (true, false) if is_alarmed => Stuck::Soon,
            (true, false) if transfers_on => Stuck::Transfers,
            (true, false) => Stuck::Computes,
            (true, true) => Stuck::Blocked,
        }
    }
}
