//! Run queues: runnable threads in the order in which they became so.

use crate::sys::atomic::{AtomicU32, Ordering};
use crate::task::list::List;
use crate::task::lock::Locked;

/// So many are taken off a queue at once at most: to find where the list is to be cut takes a look
/// at each of them, with the queue's lock held.
const MOST_TAKEN: u32 = 64;

/// Where in a queue threads are put.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Before all others: who has been given a lock, which stays taken until he has run. Each of those
    /// who run before him and want it would have to wait for it, too.
    First,
    /// Behind all others.
    Last,
}

/// A FIFO and its lock. The length can be read without.
#[derive(Default)]
pub struct RunQueue<const RANK: u32> {
    list: Locked<List, RANK>,
    length: AtomicU32,
}

impl<const RANK: u32> RunQueue<RANK> {
    /// Nobody is runnable.
    #[cfg(not(model))]
    pub const fn new() -> Self {
        Self {
            list: Locked::new(List::new()),
            length: AtomicU32::new(0),
        }
    }

    /// How many wait; only a hint unless the caller holds the lock.
    #[inline(always)]
    pub fn len(&self) -> u32 {
        self.length.load(Ordering::Relaxed)
    }

    /// Calls `act` with the lock held. The caller is critical.
    #[inline(always)]
    pub fn with<R>(&self, act: impl FnOnce(&mut List) -> R) -> R {
        self.list.with(|list| self.counted(list, act))
    }

    #[inline(always)]
    fn counted<R>(&self, list: &mut List, act: impl FnOnce(&mut List) -> R) -> R {
        let result = act(list);
        self.length.store(list.len(), Ordering::Relaxed);
        result
    }

    /// Appends all of `threads`. The caller is critical.
    pub fn push(&self, threads: List) {
        self.with(|list| list.append(threads));
    }

    /// Takes the older half, but no more than [`MOST_TAKEN`], unless somebody else is at the
    /// queue. The caller is critical.
    pub fn take_half(&self) -> List {
        if self.len() == 0 {
            return List::new();
        }
        let half = |list: &mut List| list.split(list.len().div_ceil(2).min(MOST_TAKEN));
        self.list
            .try_with(|list| self.counted(list, half))
            .unwrap_or_default()
    }

    /// Takes the share of one of `takers`, but no more than [`MOST_TAKEN`]. The caller is critical.
    pub fn take_share(&self, takers: u32) -> List {
        self.with(|list| list.split(list.len().div_ceil(takers).min(MOST_TAKEN)))
    }

    /// Takes all. The caller is critical.
    pub fn take_all(&self) -> List {
        self.with(core::mem::take)
    }

    /// Empties the queue, whoever may have held its lock.
    ///
    /// # Safety
    /// The caller is the process's only thread.
    pub unsafe fn reset(&self) {
        if self.len() == 0 && self.list.is_idle() {
            return;
        }
        // SAFETY: as the caller promises.
        unsafe { self.list.reset(List::new()) };
        self.length.store(0, Ordering::Relaxed);
    }
}
