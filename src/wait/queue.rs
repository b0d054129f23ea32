//! Wait queues keyed by address: a futex in user space.
//!
//! Any address can be waited on and nothing is allocated: the link lies in the
//! waiting thread's own block. Green and foreign threads stand in the same
//! queues. The shape is that of parking_lot's core and of the kernel's futex
//! hash: a fixed table of buckets, each a lock and a FIFO of waiters, several
//! keys to a bucket.

use core::ptr;

use super::woken::Woken;
use crate::sys::atomic::{Ordering, fence};
use crate::task::lock::Locked;
use crate::task::node::Node;
use crate::task::word::{Cancellation, Wake};
use crate::task::{Thread, rank};

/// A FIFO of nodes.
#[derive(Default)]
pub struct Queue {
    head: *const Node,
    tail: *const Node,
}

impl Queue {
    /// Nobody waits.
    pub const EMPTY: Self = Self {
        head: ptr::null(),
        tail: ptr::null(),
    };

    /// Puts the node behind all others of its key, but for those of a lower rank.
    fn push(&mut self, node: &Node) {
        node.linked.set(true);
        let next = match node.rank.get() {
            0 => None,
            rank => self.first_below(node.key.load(Ordering::Relaxed), rank),
        };
        let previous = next.map_or(self.tail, |next| next.previous.get());
        node.next.set(next.map_or(ptr::null(), ptr::from_ref));
        node.previous.set(previous);
        match next {
            Some(next) => next.previous.set(node),
            None => self.tail = node,
        }
        if previous.is_null() {
            self.head = node;
        } else {
            // SAFETY: a linked node's neighbours are linked, so they live.
            unsafe { (*previous).next.set(node) };
        }
    }

    /// The first of `key` whose rank is below `rank`.
    #[cold]
    fn first_below(&self, key: usize, rank: u8) -> Option<&'static Node> {
        self.of_key(key).find(|node| node.rank.get() < rank)
    }

    /// Puts `me`, the caller, which has armed, behind those who wait at `key`.
    #[inline]
    fn add(&mut self, me: &'static Thread, key: usize, tag: u32) {
        let node = &me.node;
        node.set_thread(me);
        node.key.store(key, Ordering::Relaxed);
        node.tag.set(tag);
        node.rank.set(me.rank());
        self.push(node);
    }

    fn remove(&mut self, node: &Node) {
        let (next, previous) = (node.next.get(), node.previous.get());
        if previous.is_null() {
            self.head = next;
        } else {
            // SAFETY: a linked node's neighbours are linked, so they live.
            unsafe { (*previous).next.set(next) };
        }
        if next.is_null() {
            self.tail = previous;
        } else {
            // SAFETY: as above.
            unsafe { (*next).previous.set(previous) };
        }
        node.linked.set(false);
    }

    /// The nodes of `key`, in order of rank and arrival. The one that was given last may be
    /// removed, the others stay.
    fn of_key(&self, key: usize) -> impl Iterator<Item = &'static Node> + use<> {
        let mut cursor = self.head;
        core::iter::from_fn(move || {
            // SAFETY: linked nodes live, and the bucket's lock is held.
            while let Some(node) = unsafe { cursor.as_ref() } {
                cursor = node.next.get();
                if node.key.load(Ordering::Relaxed) == key {
                    return Some(node);
                }
            }
            None
        })
    }
}

#[derive(Default)]
#[repr(align(64))]
struct Bucket(Lock);

type Lock = Locked<Queue, { rank::BUCKET }>;

/// What to do with a waiter, see [`Waiters::wake`].
pub enum Verdict {
    /// Wake it, for this reason.
    Wake(Wake),
    /// Leave it and look at the next.
    Skip,
    /// Look no further.
    Stop,
}

/// Those who wait at one address, see [`Queues::at`].
pub struct Waiters<'a> {
    queue: &'a mut Queue,
    key: usize,
}

impl Waiters<'_> {
    /// Walks them in order of arrival, and does with each what `verdict` says, which also
    /// learns how many were claimed so far: a waiter whose time-out or signal came first
    /// does not count. Returns the final number, and whether any remain.
    #[inline]
    pub fn wake(
        &mut self,
        woken: &mut Woken,
        mut verdict: impl FnMut(&Node, usize) -> Verdict,
    ) -> (usize, bool) {
        let (mut count, mut remain) = (0, false);
        for node in self.queue.of_key(self.key) {
            match verdict(node, count) {
                Verdict::Wake(reason) => {
                    self.queue.remove(node);
                    // After a successful claim the node belongs to its thread again.
                    count += usize::from(woken.claim(node.thread(), reason));
                }
                Verdict::Skip => remain = true,
                Verdict::Stop => {
                    remain = true;
                    break;
                }
            }
        }
        (count, remain)
    }

    /// Ends the waits of up to `limit` who are [absent](Queues::step_out); returns how many.
    /// `each` is called for one before that can know.
    pub fn release_absent(&mut self, limit: usize, mut each: impl FnMut()) -> usize {
        let mut count = 0;
        for node in self.queue.of_key(absent(self.key)).take(limit) {
            each();
            self.queue.remove(node);
            count += 1;
        }
        count
    }
}

/// The key of those who are absent from the queue of `key`, in the same bucket. What is waited on
/// lies at even addresses.
fn absent(key: usize) -> usize {
    key | 1
}

/// An absence from a queue, see [`Queues::step_out`].
pub struct Absence {
    key: usize,
    number: u32,
}

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
            queue.add(me, key, tag);
            true
        })
    }

    /// Takes the node of `me`, the caller, out, wherever a requeue has put it. `left` runs
    /// under the queue's lock if nobody else has taken it out. The caller is critical.
    #[cold]
    pub fn withdraw(&self, me: &Thread, left: impl FnOnce()) {
        let node = &me.node;
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

    /// Takes the node of `me`, the caller, out of the queue of `key` and notes the thread as
    /// *absent* instead: it goes on waiting, but runs a handler first, and can be
    /// [released](Waiters::release_absent) meanwhile. `None` if somebody else has taken the
    /// node out. The caller is critical.
    #[cold]
    pub fn step_out(&self, me: &Thread, key: usize) -> Option<Absence> {
        // In a handler that runs during an absence: that ends without a reason.
        self.forget_absence(me);
        let place = &me.absence;
        self.bucket(key).with(|queue| {
            if !me.node.linked.get() {
                return None;
            }
            queue.remove(&me.node);
            place.set_thread(me);
            place.key.store(absent(key), Ordering::Relaxed);
            queue.push(place);
            let number = place.tag.get().wrapping_add(1);
            place.tag.set(number);
            Some(Absence { key, number })
        })
    }

    /// The handler has run: puts `me`, the caller, into the queue again. False if it was
    /// released. The caller is critical.
    #[cold]
    pub fn step_in(
        &self,
        me: &'static Thread,
        absence: &Absence,
        cancellation: Cancellation,
    ) -> bool {
        self.end_absence(me, absence, |queue| {
            me.arm(cancellation);
            // For `park::commit`.
            fence(Ordering::SeqCst);
            queue.add(me, absence.key, 0);
        })
    }

    /// The handler has run, and `me`, the caller, does not go on waiting: calls `left` under
    /// the queue's lock. False if it was released. The caller is critical.
    #[cold]
    pub fn leave_absent(&self, me: &Thread, absence: &Absence, left: impl FnOnce()) -> bool {
        self.end_absence(me, absence, |_| left())
    }

    fn end_absence(&self, me: &Thread, absence: &Absence, act: impl FnOnce(&mut Queue)) -> bool {
        let place = &me.absence;
        self.bucket(absence.key).with(|queue| {
            // A later absence has another number.
            let is_noted = place.tag.get() == absence.number && place.linked.get();
            if is_noted {
                queue.remove(place);
                act(queue);
            }
            is_noted
        })
    }

    /// The handler that `me`, the caller, was absent for, if it was, is never going to
    /// return, or waits itself. The caller is critical.
    pub fn forget_absence(&self, me: &Thread) {
        let place = &me.absence;
        match place.key.swap(0, Ordering::Relaxed) {
            0 => {}
            key => self.bucket(key & !1).with(|queue| {
                if place.linked.get() {
                    queue.remove(place);
                }
            }),
        }
    }

    /// [`Waiters::wake`], and calls `done` with what it returns, still under the lock. The
    /// caller is critical.
    #[inline]
    pub fn wake<R>(
        &self,
        key: usize,
        woken: &mut Woken,
        verdict: impl FnMut(&Node, usize) -> Verdict,
        done: impl FnOnce(usize, bool) -> R,
    ) -> R {
        self.at(key, |mut waiters| {
            let (count, remain) = waiters.wake(woken, verdict);
            done(count, remain)
        })
    }

    /// Calls `act` with those who wait at `key`, under the queue's lock. The caller is
    /// critical.
    #[inline]
    pub fn at<R>(&self, key: usize, act: impl FnOnce(Waiters<'_>) -> R) -> R {
        self.bucket(key).with(|queue| act(Waiters { queue, key }))
    }

    /// `FUTEX_CMP_REQUEUE`: if `validate` holds under both queues' locks, wakes up
    /// to `limits.0` waiters of `from` and moves up to `limits.1` of the rest to
    /// `to`. Returns how many were woken and moved, or `None`. The caller is critical.
    pub fn requeue(
        &self,
        from: usize,
        to: usize,
        limits: (usize, usize),
        woken: &mut Woken,
        validate: impl FnOnce() -> bool,
    ) -> Option<(usize, usize)> {
        let (source, target) = (self.bucket(from), self.bucket(to));
        if ptr::eq(source, target) {
            // Within a bucket a waiter stays where it is, as in the kernel, and the walk
            // does not meet it again.
            return source.with(|queue| {
                validate().then(|| queue.requeue(from, limits, woken, |_, node| rename(node, to)))
            });
        }
        let act = |source: &mut Queue, target: &mut Queue| {
            validate().then(|| {
                source.requeue(from, limits, woken, |source, node| {
                    source.remove(node);
                    rename(node, to);
                    target.push(node);
                })
            })
        };
        source.with_both(target, act)
    }
}

fn rename(node: &Node, key: usize) {
    // Release pairs with the Acquire in `withdraw`.
    node.key.store(key, Ordering::Release);
}

impl Queue {
    fn requeue(
        &mut self,
        from: usize,
        (wake_limit, move_limit): (usize, usize),
        woken: &mut Woken,
        mut relocate: impl FnMut(&mut Self, &Node),
    ) -> (usize, usize) {
        let (mut claimed, mut moved) = (0, 0);
        for node in self.of_key(from) {
            if claimed < wake_limit {
                self.remove(node);
                claimed += usize::from(woken.claim(node.thread(), Wake::Ready));
            } else if moved < move_limit {
                relocate(self, node);
                moved += 1;
            } else {
                break;
            }
        }
        (claimed, moved)
    }
}
