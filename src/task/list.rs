//! Lists of threads, linked through their seats.

use core::ptr;

use super::seat::Seat;

/// A FIFO of threads that wait for nothing but their turn. A thread is in one list
/// at a time, and what links it is its own.
#[derive(Default)]
pub struct List {
    head: *const Seat,
    tail: *const Seat,
    length: u32,
}

impl List {
    /// An empty list.
    pub const fn new() -> Self {
        Self {
            head: ptr::null(),
            tail: ptr::null(),
            length: 0,
        }
    }

    /// How many threads are in it.
    #[inline(always)]
    pub fn len(&self) -> u32 {
        self.length
    }

    /// The first, which stays.
    #[inline(always)]
    pub fn first(&self) -> Option<&'static Seat> {
        // SAFETY: null, or a listed thread, whose seat lives.
        unsafe { self.head.as_ref() }
    }

    /// Calls `act` for each, in order.
    pub fn for_each(&self, act: impl Fn(&Seat)) {
        let mut next = self.first();
        while let Some(seat) = next {
            act(seat);
            // SAFETY: null, or a listed thread, whose seat lives.
            next = unsafe { seat.follower.get().as_ref() };
        }
    }

    /// Appends that of `seat`.
    #[inline]
    pub fn push(&mut self, seat: &Seat) {
        seat.follower.set(ptr::null());
        self.link(seat, seat, 1);
    }

    /// Takes the first.
    #[inline]
    pub fn pop(&mut self) -> Option<&'static Seat> {
        let seat = self.first()?;
        self.head = seat.follower.get();
        if self.head.is_null() {
            self.tail = ptr::null();
        }
        self.length -= 1;
        Some(seat)
    }

    /// Appends all of `other`, in its order.
    #[inline]
    pub fn append(&mut self, other: Self) {
        if !other.head.is_null() {
            self.link(other.head, other.tail, other.length);
        }
    }

    #[inline(always)]
    fn link(&mut self, head: *const Seat, tail: *const Seat, length: u32) {
        if self.tail.is_null() {
            self.head = head;
        } else {
            // SAFETY: a listed thread is parked; its seat lives.
            unsafe { (*self.tail).follower.set(head) };
        }
        self.tail = tail;
        self.length += length;
    }

    /// Takes the first `count`, or as many as there are.
    pub fn split(&mut self, count: u32) -> Self {
        let mut taken = Self::new();
        while taken.length < count {
            match self.pop() {
                Some(seat) => taken.push(seat),
                None => break,
            }
        }
        taken
    }
}
