//! Wait queues keyed by address: a futex in user space.
//!
//! Any address can be waited on and nothing is allocated: the link lies in the
//! waiting thread's own block. (Who waits at several addresses brings [more](branches) of them.)
//! Green and foreign threads stand in the same queues. The shape is that of parking_lot's core and of the kernel's futex
//! hash: a fixed table of buckets, each a lock and a FIFO of waiters, several
//! keys to a bucket.

mod absence;
mod branches;
mod list;
mod requeue;
mod waiters;

pub use waiters::{Verdict, Waiters};

use super::woken::Woken;
use crate::sys::atomic::Ordering;
use crate::task::lock::Locked;
use crate::task::seat::Seat;
use crate::task::word::Cancellation;
use crate::task::{Thread, rank};
use list::Queue;

#[derive(Default)]
#[repr(align(64))]
struct Bucket(Lock);

type Lock = Locked<Queue, { rank::BUCKET }>;

/// The table, of `N` buckets: a power of two, at most 65,536. Whole pages, all zeros while
/// nobody waits: so it can be wiped in a forked child.
#[repr(align(4096))]
pub struct Queues<const N: usize>([Bucket; N]);

#[cfg(not(model))]
impl<const N: usize> Queues<N> {
    /// Nobody waits.
    pub const fn new() -> Self {
        Self([const { Bucket(Locked::new(Queue::EMPTY)) }; N])
    }
}

impl<const N: usize> Default for Queues<N> {
    fn default() -> Self {
        Self(core::array::from_fn(|_| Bucket::default()))
    }
}

impl<const N: usize> Queues<N> {
    fn bucket(&self, key: usize) -> &Lock {
        // Fibonacci hashing: objects lie at multiples of 8, in arrays or pages.
        let hash = (key as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        &self.0[(hash >> 48) as usize % N].0
    }

    /// Puts `me`, the caller, into the queue of `key`: from here on wakers may claim it.
    ///
    /// `validate` runs under the queue's lock, where nobody can be woken: if it says no the
    /// result is false, and the caller, who is in no queue, takes the wait back that was armed;
    /// otherwise it gives a tag for wakers to read. `cancellation` says whose ends the wait. The
    /// caller is critical.
    #[inline]
    pub fn enter(
        &self,
        me: &'static Thread,
        key: usize,
        cancellation: Cancellation,
        validate: impl FnOnce() -> Option<u32>,
    ) -> bool {
        // Before the lock is taken, which on x86-64 is a full barrier: see `park::commit`.
        me.arm(cancellation);
        self.bucket(key).with(|queue| {
            let Some(tag) = validate() else {
                return false;
            };
            queue.add(me, me.seat(), key, tag);
            true
        })
    }

    /// Takes the node of `me`, the caller, out, wherever a requeue has put it. `left` runs
    /// under the queue's lock if nobody else has taken it out. The caller is critical.
    #[cold]
    pub fn withdraw(&self, me: &Thread, left: impl FnOnce()) {
        self.take_out(me.seat(), left);
    }

    /// [`withdraw`](Self::withdraw), of `node`.
    fn take_out(&self, node: &Seat, left: impl FnOnce()) {
        let mut left = Some(left);
        loop {
            let key = node.key.load(Ordering::Acquire);
            let is_here = self.bucket(key).with(|queue| {
                let is_here = node.key.load(Ordering::Acquire) == key;
                if is_here && node.linked.get() {
                    queue.remove(node);
                    if let Some(left) = left.take() {
                        left();
                    }
                }
                is_here
            });
            if is_here {
                return;
            }
        }
    }

    /// [`Waiters::claim`], and calls `done` with what it returns, still under the lock. The
    /// caller is critical.
    #[inline]
    pub fn claim<R>(
        &self,
        key: usize,
        woken: &mut Woken,
        verdict: impl FnMut(&Seat, usize) -> Verdict,
        done: impl FnOnce(usize, bool) -> R,
    ) -> R {
        self.at(key, |mut waiters| {
            let (count, remain) = waiters.claim(woken, verdict);
            done(count, remain)
        })
    }

    /// Calls `act` with those who wait at `key`, under the queue's lock. The caller is
    /// critical.
    #[inline]
    pub fn at<R>(&self, key: usize, act: impl FnOnce(Waiters<'_>) -> R) -> R {
        self.bucket(key).with(|queue| act(Waiters::new(queue, key)))
    }
}
