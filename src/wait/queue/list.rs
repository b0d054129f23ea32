//! Those who wait at the addresses of one bucket, in order, linked through their seats.

use core::ptr;

use crate::sys::atomic::Ordering;
use crate::task::Thread;
use crate::task::seat::Seat;

/// A FIFO of seats.
#[derive(Default)]
pub struct Queue {
    head: *const Seat,
    tail: *const Seat,
}

impl Queue {
    /// Nobody waits.
    pub const EMPTY: Self = Self {
        head: ptr::null(),
        tail: ptr::null(),
    };

    /// Puts the node behind all others of its key, but for those of a lower rank.
    pub fn push(&mut self, node: &Seat) {
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
    fn first_below(&self, key: usize, rank: u8) -> Option<&'static Seat> {
        self.of_key(key).find(|node| node.rank.get() < rank)
    }

    /// Puts `node` of `me`, the caller, which has armed, behind those who wait at `key`.
    #[inline]
    pub fn add(&mut self, me: &Thread, node: &Seat, key: usize, tag: u32) {
        node.key.store(key, Ordering::Relaxed);
        node.tag.set(tag);
        node.rank.set(me.rank());
        self.push(node);
    }

    /// Takes the node, which is in it, out.
    pub fn remove(&mut self, node: &Seat) {
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

    /// The seats of `key`, in order of rank and arrival. The one that was given last may be
    /// removed, the others stay.
    pub fn of_key(&self, key: usize) -> impl Iterator<Item = &'static Seat> + use<> {
        let mut cursor = self.head;
        core::iter::from_fn(move || {
            // SAFETY: linked seats live, and the bucket's lock is held.
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
