//! The board: which slots lie idle, which workers sleep, who waits in the hub.
//!
//! Everything here decides and notes; nothing sleeps, wakes or looks into a queue.
//!
//! | `polling` | `kicked` | in the hub | who needs a worker, or has an earlier deadline |
//! | --- | --- | --- | --- |
//! | false | | nobody | calls a sleeper, or for a new one; the deadline is seen by the next to wait |
//! | true | false | somebody waits, or is about to | sets `kicked`, and kicks |
//! | true | true | somebody comes back | does nothing |
//!
//! [`begin_polling`](Board::begin_polling) leads to the second row, [`end_polling`](Board::end_polling)
//! to the first.

use super::lists::Lists;
use crate::sched::worker::Worker;
use crate::sys::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering, fence};
use crate::sys::clock::{Instant, NEVER};
use crate::task::lock::Locked;
use crate::task::rank;

/// Who is to use an idle slot, see [`Board::call`].
#[must_use = "a thread waits for whoever this is"]
pub enum Help {
    /// Nobody: no slot lies idle, or somebody was called already.
    None,
    /// This sleeping worker, with the slot of this index.
    Sleeper(&'static Worker, usize),
    /// Whoever waits in the hub: it has to be kicked.
    Poller,
    /// A worker that the monitor has to start.
    New,
}

/// See the module.
#[derive(Default)]
pub struct Board {
    lists: Locked<Lists, { rank::BOARD }>,
    /// How many slots lie idle and may be used; a hint outside the lock.
    open: AtomicU32,
    /// Whether a worker waits in the hub, or is about to.
    polling: AtomicBool,
    /// Whether it was kicked already.
    kicked: AtomicBool,
    /// Until when it will wait.
    until: AtomicU64,
}

impl Board {
    /// No slot may be used.
    #[cfg(not(model))]
    pub const fn new() -> Self {
        Self {
            lists: Locked::new(Lists::NONE),
            open: AtomicU32::new(0),
            polling: AtomicBool::new(false),
            kicked: AtomicBool::new(false),
            until: AtomicU64::new(0),
        }
    }

    fn with<R>(&self, act: impl FnOnce(&mut Lists) -> R) -> R {
        self.lists.with(|lists| {
            let result = act(lists);
            self.open
                .store(lists.open().count_ones(), Ordering::Relaxed);
            result
        })
    }

    /// How many slots lie idle and may be used.
    #[inline(always)]
    pub fn open(&self) -> u32 {
        self.open.load(Ordering::Relaxed)
    }

    /// Only slots with an index below `limit` may be used from here on. Those who hold others
    /// have to be asked to lay them down.
    pub fn set_limit(&self, limit: u32) {
        self.with(|lists| lists.limit = limit);
        // Pairs with the fence in `is_open`, as that of `lay_down`.
        fence(Ordering::SeqCst);
    }

    /// How many slots may be used.
    pub fn limit(&self) -> u32 {
        self.with(|lists| lists.limit)
    }

    /// How many slots lie idle, whether they may be used or not.
    pub fn idle(&self) -> u32 {
        self.with(|lists| lists.idle.count_ones())
    }

    /// Takes an idle slot: its index.
    pub fn take_slot(&self) -> Option<usize> {
        self.with(Lists::take_slot)
    }

    /// Lays down the slot with index `index`, which nobody owns. The caller looks for
    /// runnable threads afterwards.
    pub fn lay_down(&self, index: usize) {
        self.with(|lists| lists.idle |= 1 << index);
        // Pairs with the fence in `is_open`.
        fence(Ordering::SeqCst);
    }

    /// After a thread was made runnable: whether somebody may have to be called.
    #[inline(always)]
    pub fn is_open(&self) -> bool {
        // Pairs with the fence in `lay_down`: who lays a slot down sees the thread, or this
        // sees the slot.
        fence(Ordering::SeqCst);
        self.open() > 0
    }

    /// Finds somebody for an idle slot: a sleeping worker, else the one in the hub, else a
    /// new one.
    pub fn call(&self) -> Help {
        self.with(|lists| {
            if lists.open() == 0 {
                return Help::None;
            }
            if let Some(worker) = lists.pop_sleeper() {
                return match lists.take_slot() {
                    Some(index) => Help::Sleeper(worker, index),
                    None => Help::None,
                };
            }
            if !self.is_polling() {
                return Help::New;
            }
            if self.kicked.swap(true, Ordering::SeqCst) {
                return Help::None;
            }
            Help::Poller
        })
    }

    /// Lists `worker` as asleep, unless an idle slot may be used: false then.
    #[must_use]
    pub fn sleep(&self, worker: &Worker) -> bool {
        self.with(|lists| {
            let sleeps = lists.open() == 0;
            if sleeps {
                lists.push_sleeper(worker);
            }
            sleeps
        })
    }

    /// Lists `worker` as asleep although slots lie idle, because somebody waits in the hub.
    /// False if the caller has to look for runnable threads and for somebody who waits once
    /// more: it is listed all the same.
    #[must_use]
    pub fn sleep_beside_poller(&self, worker: &Worker) -> bool {
        // Who makes a thread runnable and calls finds this sleeper, or has held the lock
        // before: then the caller sees the thread. So does who waits no longer and takes a
        // slot.
        self.with(|lists| lists.push_sleeper(worker));
        self.is_polling()
    }

    /// How many workers sleep.
    pub fn sleeping(&self) -> u32 {
        self.with(|lists| lists.sleeping)
    }

    /// Takes out workers that nobody has called since the last time, all but `keep`, and
    /// gives each to `end`: nobody else knows of it any more.
    pub fn retire(&self, keep: u32, end: impl FnMut(&'static Worker)) {
        self.retire_those(|lists| lists.take_surplus(keep), end);
    }

    /// Likewise all that sleep, but for `keep`.
    pub fn retire_all(&self, keep: u32, end: impl FnMut(&'static Worker)) {
        self.retire_those(|lists| lists.take_all(keep), end);
    }

    fn retire_those(
        &self,
        take: impl FnOnce(&mut Lists) -> *const Worker,
        mut end: impl FnMut(&'static Worker),
    ) {
        let mut next = self.with(take);
        // SAFETY: null, or workers, which are never freed.
        while let Some(worker) = unsafe { next.as_ref() } {
            next = worker.next.get();
            end(worker);
        }
    }

    /// The caller is going to wait in the hub; false if somebody does already. From here on
    /// whoever makes a thread runnable or has an earlier deadline kicks: the caller looks
    /// for both once more.
    #[must_use]
    pub fn begin_polling(&self) -> bool {
        if self.polling.swap(true, Ordering::SeqCst) {
            return false;
        }
        // After the announcement, and by the poller alone: an earlier poller may have
        // been kicked a moment ago. Who takes that kick for this one's has done its
        // part before, so the looks below see it.
        self.kicked.store(false, Ordering::SeqCst);
        self.until.store(NEVER, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        true
    }

    /// It will wait until `deadline`, the earliest that it has seen.
    pub fn poll_until(&self, deadline: Instant) {
        self.until.store(deadline, Ordering::SeqCst);
    }

    /// It waits no longer.
    pub fn end_polling(&self) {
        self.polling.store(false, Ordering::SeqCst);
    }

    /// Whether a worker waits in the hub.
    pub fn is_polling(&self) -> bool {
        self.polling.load(Ordering::SeqCst)
    }

    /// `deadline` has become the earliest one: whether whoever waits in the hub has to be
    /// kicked.
    #[must_use]
    pub fn is_late(&self, deadline: Instant) -> bool {
        // Pairs with the fence in `begin_polling`: who waits announces itself before it
        // reads the earliest deadline.
        fence(Ordering::SeqCst);
        self.is_polling()
            && deadline < self.until.load(Ordering::SeqCst)
            && !self.kicked.swap(true, Ordering::SeqCst)
    }

    /// Forgets all workers: `count` slots lie idle, and all of them may be used.
    ///
    /// # Safety
    /// No worker runs: at the start, or in a forked child.
    pub unsafe fn set_up(&self, count: usize) {
        // SAFETY: as the caller promises.
        unsafe { self.lists.reset(Lists::idle(count)) };
        self.open.store(count as u32, Ordering::Relaxed);
        self.polling.store(false, Ordering::Relaxed);
    }
}
