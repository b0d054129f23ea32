//! A list of waiting signals, in order of arrival, linked through the entries.

use core::cell::Cell;
use core::ptr;

use super::pool::Entry;
use crate::sys::sigmask::bit;

/// See the module. One context at a time has it.
pub struct Fifo {
    first: Cell<*const Entry>,
    last: Cell<*const Entry>,
}

impl Fifo {
    /// Nothing.
    pub const fn new() -> Self {
        Self {
            first: Cell::new(ptr::null()),
            last: Cell::new(ptr::null()),
        }
    }

    /// Appends `entry`, which is in no list.
    pub fn push(&self, entry: &Entry) {
        entry.next.set(ptr::null());
        // SAFETY: null or an entry of the list; entries stay.
        match unsafe { self.last.get().as_ref() } {
            Some(last) => last.next.set(entry),
            None => self.first.set(entry),
        }
        self.last.set(entry);
    }

    /// Puts `entry`, which is in no list, first.
    pub fn push_front(&self, entry: &Entry) {
        entry.next.set(self.first.get());
        if self.first.get().is_null() {
            self.last.set(entry);
        }
        self.first.set(entry);
    }

    /// Takes the first.
    pub fn pop(&self) -> Option<&'static Entry> {
        // SAFETY: as above.
        let first = unsafe { self.first.get().as_ref()? };
        self.unlink(None, first);
        Some(first)
    }

    /// Its entries, in order.
    pub fn iter(&self) -> impl Iterator<Item = &'static Entry> {
        // SAFETY: as above.
        let follow = |entry: *const Entry| unsafe { entry.as_ref() };
        core::iter::successors(follow(self.first.get()), move |entry| {
            follow(entry.next.get())
        })
    }

    /// Takes `entry` out, which comes after `previous`.
    fn unlink(&self, previous: Option<&Entry>, entry: &Entry) {
        let next = entry.next.get();
        match previous {
            Some(previous) => previous.next.set(next),
            None => self.first.set(next),
        }
        if next.is_null() {
            self.last.set(previous.map_or(ptr::null(), ptr::from_ref));
        }
    }

    /// Leaves in the list what `which` says; the rest is not the list's any more when it
    /// is asked.
    pub fn retain(&self, mut which: impl FnMut(&'static Entry) -> bool) {
        let kept = Self::new();
        while let Some(entry) = self.pop() {
            if which(entry) {
                kept.push(entry);
            }
        }
        self.first.set(kept.first.get());
        self.last.set(kept.last.get());
    }

    /// Takes out the oldest entry of the lowest signal of `set` that is there.
    pub fn take(&self, set: u64) -> Option<&'static Entry> {
        let mut best: Option<(Option<&Entry>, &'static Entry)> = None;
        let mut previous = None;
        for entry in self.iter() {
            let signal = entry.signal.get();
            if bit(signal) & set != 0 && best.is_none_or(|(_, best)| signal < best.signal.get()) {
                best = Some((previous, entry));
                if set & (bit(signal) - 1) == 0 {
                    // None is lower.
                    break;
                }
            }
            previous = Some(entry);
        }
        let (previous, entry) = best?;
        self.unlink(previous, entry);
        Some(entry)
    }

    /// Which of `signals` are there.
    pub fn signals_of(&self, signals: u64) -> u64 {
        let mut found = 0;
        for entry in self.iter() {
            found |= bit(entry.signal.get()) & signals;
            if found == signals {
                break;
            }
        }
        found
    }
}
