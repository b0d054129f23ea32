//! Idle slots and sleeping workers.

use core::ptr;

use crate::sched::worker::Worker;
use crate::settings::MAX_SLOTS;

/// See the module.
#[derive(Default)]
pub struct Lists {
    /// Idle slots: bit `n` for the slot with index `n`.
    pub idle: u64,
    /// Slots that may be used: those with an index below this.
    pub limit: u32,
    /// A stack, linked through the workers.
    sleepers: *const Worker,
    /// How many they are.
    pub sleeping: u32,
    /// The least that they have been since [`take_surplus`](Self::take_surplus) has last looked.
    fewest: u32,
}

impl Lists {
    /// No slot may be used.
    #[cfg(not(model))]
    pub const NONE: Self = Self {
        idle: 0,
        limit: 0,
        sleepers: ptr::null(),
        sleeping: 0,
        fewest: 0,
    };

    /// `count` slots lie idle and may be used; nobody sleeps.
    pub fn idle(count: usize) -> Self {
        Self {
            idle: u64::MAX >> (MAX_SLOTS - count),
            limit: count as u32,
            ..Self::default()
        }
    }

    /// Idle slots that may be used.
    pub fn open(&self) -> u64 {
        // For a limit of 64 the shift is by 0.
        let below = u64::MAX.checked_shr(MAX_SLOTS as u32 - self.limit);
        self.idle & below.unwrap_or(0)
    }

    /// Takes the one with the lowest index, so that few slots are warm rather than many.
    pub fn take_slot(&mut self) -> Option<usize> {
        let index = self.open().trailing_zeros();
        (index < MAX_SLOTS as u32).then(|| {
            self.idle &= !(1 << index);
            index as usize
        })
    }

    /// `worker` sleeps.
    pub fn push_sleeper(&mut self, worker: &Worker) {
        worker.next.set(self.sleepers);
        self.sleepers = worker;
        self.sleeping += 1;
    }

    /// Takes out the one that has slept for the shortest time.
    pub fn pop_sleeper(&mut self) -> Option<&'static Worker> {
        // SAFETY: null, or a worker, which is never freed.
        let worker = unsafe { self.sleepers.as_ref()? };
        self.sleepers = worker.next.get();
        self.sleeping -= 1;
        self.fewest = self.fewest.min(self.sleeping);
        Some(worker)
    }

    /// Takes out those that nobody has called since the last time, all but `keep`, linked.
    pub fn take_surplus(&mut self, keep: u32) -> *const Worker {
        let surplus = self.fewest.saturating_sub(keep);
        let taken = self.take_oldest(self.sleeping - surplus);
        self.fewest = self.sleeping;
        taken
    }

    /// Takes all out but `keep`, linked.
    pub fn take_all(&mut self, keep: u32) -> *const Worker {
        let taken = self.take_oldest(keep);
        self.fewest = self.fewest.min(self.sleeping);
        taken
    }

    /// Takes those out that have slept longest, all but `keep`, as long as they may end.
    fn take_oldest(&mut self, keep: u32) -> *const Worker {
        let mut taken = ptr::null();
        let mut kept: *const Worker = ptr::null();
        let (mut cursor, mut depth) = (self.sleepers, 0);
        // SAFETY: null, or workers, which are never freed; linked under the lock.
        while let Some(worker) = unsafe { cursor.as_ref() } {
            cursor = worker.next.get();
            depth += 1;
            if depth <= keep || !worker.may_end() {
                kept = worker;
                continue;
            }
            // SAFETY: as above.
            match unsafe { kept.as_ref() } {
                Some(above) => above.next.set(cursor),
                None => self.sleepers = cursor,
            }
            worker.next.set(taken);
            taken = worker;
            self.sleeping -= 1;
        }
        taken
    }
}
