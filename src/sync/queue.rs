//! Wait queues keyed by address: a futex in user space.
//!
//! Any address can be waited on and nothing is allocated: the link lies in the
//! waiting thread's own block. Green and foreign threads stand in the same
//! queues. The shape is that of parking_lot's core and of the kernel's futex
//! hash: a fixed table of buckets, each a lock and a FIFO of waiters, several
//! keys to a bucket.

use core::cell::{Cell, UnsafeCell};
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};

use crate::sys::clock::Instant;
use crate::sys::lock::RawLock;
use crate::thread::wait::Wake;
use crate::thread::{Critical, Thread, current};

/// A waiting thread's link in a queue. All fields but `key` are guarded by the
/// bucket that `key` names while `linked`.
pub struct Node {
    next: Cell<*const Node>,
    previous: Cell<*const Node>,
    thread: Cell<*const Thread>,
    key: AtomicUsize,
    tag: Cell<u32>,
    linked: Cell<bool>,
}

impl Node {
    /// Says whose link this is.
    pub(crate) fn set_thread(&self, thread: &Thread) {
        self.thread.set(thread);
    }

    /// What the waiter said of itself.
    pub fn tag(&self) -> u32 {
        self.tag.get()
    }

    /// The thread that waits.
    pub fn thread(&self) -> &'static Thread {
        // SAFETY: a linked node's thread waits, so its block lives; callers
        // hold the bucket.
        unsafe { &*self.thread.get() }
    }
}

/// A FIFO of nodes.
struct Queue {
    head: *const Node,
    tail: *const Node,
}

#[repr(align(64))]
struct Bucket {
    lock: RawLock,
    queue: UnsafeCell<Queue>,
}

// SAFETY: `queue` is only touched under `lock`.
unsafe impl Sync for Bucket {}

const BUCKETS: usize = 1024;

static TABLE: [Bucket; BUCKETS] = [const {
    Bucket {
        lock: RawLock::new(),
        queue: UnsafeCell::new(Queue {
            head: ptr::null(),
            tail: ptr::null(),
        }),
    }
}; BUCKETS];

fn bucket(key: usize) -> &'static Bucket {
    // Fibonacci hashing: objects lie at multiples of 8, in arrays or pages.
    let hash = (key as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    &TABLE[(hash >> (64 - BUCKETS.trailing_zeros())) as usize]
}

impl Queue {
    fn push(&mut self, node: &Node) {
        node.next.set(ptr::null());
        node.previous.set(self.tail);
        node.linked.set(true);
        if self.tail.is_null() {
            self.head = node;
        } else {
            // SAFETY: a linked node lives.
            unsafe { (*self.tail).next.set(node) };
        }
        self.tail = node;
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
}

/// What to do with a waiter, see [`wake`].
pub enum Verdict {
    /// Wake it, for this reason.
    Wake(Wake),
    /// Leave it and look at the next.
    Skip,
    /// Look no further.
    Stop,
}

/// Waits on `key` until woken or until `deadline`.
///
/// `validate` runs under the queue's lock, where nobody can be woken: if it says
/// no, nothing happens and the result is `None`; otherwise it gives a tag for
/// wakers to read. `queued` runs once wakers can
/// find the thread, before it leaves the CPU; `left` runs under the queue's lock
/// if the wait ends by time-out or interruption, when nobody else has taken the
/// thread out of the queue. `point` says whether this is a cancellation point.
#[inline]
pub fn wait(
    key: usize,
    deadline: Instant,
    point: bool,
    validate: impl FnOnce() -> Option<u32>,
    queued: impl FnOnce(),
    left: impl FnOnce(),
) -> Option<Wake> {
    let _critical = Critical::enter();
    let me = current();
    let node = &me.node;
    let home = bucket(key);
    home.lock.lock();
    let Some(tag) = validate() else {
        home.lock.unlock();
        return None;
    };
    node.set_thread(me);
    node.key.store(key, Ordering::Relaxed);
    node.tag.set(tag);
    me.arm(point);
    // SAFETY: under the bucket's lock.
    unsafe { (*home.queue.get()).push(node) };
    home.lock.unlock();
    queued();
    let reason = me.commit(deadline);
    if matches!(reason, Wake::Timeout | Wake::Interrupted) {
        withdraw(node, left);
    }
    Some(reason)
}

/// Takes the calling thread's node out, wherever a requeue has put it.
#[cold]
fn withdraw(node: &Node, left: impl FnOnce()) {
    loop {
        let key = node.key.load(Ordering::Acquire);
        let home = bucket(key);
        home.lock.lock();
        if node.key.load(Ordering::Acquire) == key {
            if node.linked.get() {
                // SAFETY: under the lock of the bucket that the node is in.
                unsafe { (*home.queue.get()).remove(node) };
                left();
            }
            home.lock.unlock();
            return;
        }
        home.lock.unlock();
    }
}

/// Walks the waiters of `key` in order of arrival, under the queue's lock, and
/// does with each what `verdict` says, which also learns how many were woken so
/// far: a waiter whose time-out or signal came first does not count. `done` gets
/// the final number and whether waiters of `key` remain, still under the lock.
#[inline]
pub fn wake<R>(
    key: usize,
    mut verdict: impl FnMut(&Node, usize) -> Verdict,
    done: impl FnOnce(usize, bool) -> R,
) -> R {
    let _critical = Critical::enter();
    let home = bucket(key);
    home.lock.lock();
    // SAFETY: under the bucket's lock.
    let queue = unsafe { &mut *home.queue.get() };
    let mut woken = 0;
    let mut remain = false;
    let mut cursor = queue.head;
    while !cursor.is_null() {
        // SAFETY: linked nodes live.
        let node = unsafe { &*cursor };
        cursor = node.next.get();
        if node.key.load(Ordering::Relaxed) != key {
            continue;
        }
        match verdict(node, woken) {
            Verdict::Wake(reason) => {
                queue.remove(node);
                // After a successful claim the node belongs to its thread again.
                woken += usize::from(node.thread().wake(reason));
            }
            Verdict::Skip => remain = true,
            Verdict::Stop => {
                remain = true;
                break;
            }
        }
    }
    let result = done(woken, remain);
    home.lock.unlock();
    result
}

/// Wakes up to `count` waiters of `key`, in order of arrival; returns how many.
pub fn wake_up_to(key: usize, count: usize) -> usize {
    let verdict = |_: &Node, woken| {
        if woken < count {
            Verdict::Wake(Wake::Ready)
        } else {
            Verdict::Stop
        }
    };
    wake(key, verdict, |woken, _| woken)
}

/// `FUTEX_CMP_REQUEUE`: if `validate` holds under both queues' locks, wakes up
/// to `wake_count` waiters of `from` and moves up to `move_count` of the rest to
/// `to`. Returns how many were woken and moved, or `None`.
pub fn requeue(
    from: usize,
    to: usize,
    wake_count: usize,
    move_count: usize,
    validate: impl FnOnce() -> bool,
) -> Option<(usize, usize)> {
    let _critical = Critical::enter();
    let (source, target) = (bucket(from), bucket(to));
    let (first, second) = if ptr::from_ref(source) <= ptr::from_ref(target) {
        (source, target)
    } else {
        (target, source)
    };
    first.lock.lock();
    if !ptr::eq(first, second) {
        second.lock.lock();
    }
    let result = validate().then(|| {
        let (mut woken, mut moved) = (0, 0);
        // SAFETY: under the bucket's lock; the queue is borrowed anew at each use.
        let mut cursor = unsafe { (*source.queue.get()).head };
        while !cursor.is_null() && (woken < wake_count || moved < move_count) {
            // SAFETY: linked nodes live.
            let node = unsafe { &*cursor };
            cursor = node.next.get();
            if node.key.load(Ordering::Relaxed) != from {
                continue;
            }
            if woken < wake_count {
                // SAFETY: under the source's lock.
                unsafe { (*source.queue.get()).remove(node) };
                woken += usize::from(node.thread().wake(Wake::Ready));
                continue;
            }
            // Within a bucket it stays where it is, as in the kernel, and the walk
            // does not meet it again.
            if !ptr::eq(source, target) {
                // SAFETY: under both locks.
                unsafe {
                    (*source.queue.get()).remove(node);
                    (*target.queue.get()).push(node);
                }
            }
            // Release pairs with the Acquire in `withdraw`.
            node.key.store(to, Ordering::Release);
            moved += 1;
        }
        (woken, moved)
    });
    if !ptr::eq(first, second) {
        second.lock.unlock();
    }
    first.lock.unlock();
    result
}

/// Forgets every waiter: in a forked child they do not exist.
///
/// # Safety
/// The caller is the process's only thread.
pub unsafe fn reset() {
    for bucket in &TABLE {
        // SAFETY: nobody else runs.
        unsafe {
            ptr::from_ref(&bucket.lock).cast_mut().write(RawLock::new());
            *bucket.queue.get() = Queue {
                head: ptr::null(),
                tail: ptr::null(),
            };
        }
    }
}
