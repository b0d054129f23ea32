//! Signals that a thread takes out of those that wait for it.

use core::sync::atomic::Ordering;

use super::discards::{self, era};
use super::pool::{self, Entry};
use super::{Pending, REQUESTS, Taken, lost, queues};
use crate::sys::sigmask::bit;

impl Pending {
    /// Gives back an entry that was taken out.
    pub(super) fn release(&self, entry: &Entry) -> Taken {
        let taken = Taken {
            signal: entry.signal.get(),
            shared: entry.shared.get(),
            // SAFETY: written by `add`; the caller has the entry to itself.
            info: unsafe { (*entry.info.get()).assume_init() },
        };
        pool::put(entry);
        let present = &self.present[usize::from(taken.shared)];
        present.fetch_and(!bit(taken.signal), Ordering::SeqCst);
        taken
    }

    /// Moves what has arrived to the ends of the lists, and forgets what was discarded.
    pub(super) fn sort(&self) {
        if !self.arrived.is_empty() {
            let arrived = self.arrived.take();
            while let Some(entry) = arrived.pop() {
                self.lists[usize::from(entry.shared.get())].push(entry);
            }
        }
        let discards = discards::sum();
        if self.seen_discards.replace(discards) != discards {
            let mut dropped = 0;
            for list in &self.lists {
                list.retain(|entry| {
                    let fresh = entry.era.get() == era(entry.signal.get());
                    if !fresh {
                        dropped |= bit(entry.signal.get());
                        self.release(entry);
                    }
                    fresh
                });
            }
            self.recount(dropped);
        }
    }

    /// Makes the bits of `signals` say what is there.
    fn recount(&self, signals: u64) {
        self.bits.fetch_and(!signals | REQUESTS, Ordering::AcqRel);
        self.shared.fetch_and(!signals, Ordering::AcqRel);
        // What comes from here on sets its own.
        if !self.arrived.is_empty() {
            self.sort();
        }
        let [own, shared] = [0, 1].map(|kind: usize| self.lists[kind].signals_of(signals));
        self.shared.fetch_or(shared, Ordering::AcqRel);
        let bare = self.bare.load(Ordering::Relaxed) & signals;
        self.bits.fetch_or(own | shared | bare, Ordering::AcqRel);
    }

    /// Takes the next signal of `set` out: what was sent to the thread before what was sent
    /// to the process, lower numbers first, in order of arrival (the kernel's
    /// dequeue_signal). For the thread itself, where no handler can come in between.
    pub fn take(&self, set: u64) -> Option<Taken> {
        // Again, when one has come that was not there at the look.
        while self.bits_now() & set != 0 {
            self.sort();
            let found = self.lists.iter().find_map(|list| list.take(set));
            let taken = found
                .map(|entry| self.release(entry))
                .or_else(|| self.take_bare(set));
            if let Some(taken) = &taken {
                self.drop_doubles(taken);
            }
            self.recount(taken.as_ref().map_or(set, |taken| bit(taken.signal)));
            if taken.is_some() {
                return taken;
            }
        }
        None
    }

    /// Of a standard signal only one can wait, see [`is_present`](Self::is_present).
    fn drop_doubles(&self, taken: &Taken) {
        if queues(taken.signal) || era(taken.signal) == 0 {
            return;
        }
        self.lists[usize::from(taken.shared)].retain(|entry| {
            let other = entry.signal.get() != taken.signal;
            if !other {
                self.release(entry);
            }
            other
        });
    }

    /// Calls `act` with each of `signals` that was sent to the thread, the oldest first, and what came with
    /// it. For the thread itself.
    pub fn each_own(&self, signals: u64, mut act: impl FnMut(i32, &libc::siginfo_t)) {
        self.sort();
        for entry in self.lists[0].iter() {
            let signal = entry.signal.get();
            if bit(signal) & signals != 0 {
                // SAFETY: written by `add`; the entry is the thread's.
                act(signal, unsafe { (*entry.info.get()).assume_init_ref() });
            }
        }
    }

    fn take_bare(&self, set: u64) -> Option<Taken> {
        let found = self.bare.load(Ordering::Relaxed) & set;
        if found == 0 {
            return None;
        }
        let signal = found.trailing_zeros() as i32 + 1;
        self.bare.fetch_and(!bit(signal), Ordering::Relaxed);
        Some(Taken {
            signal,
            shared: false,
            info: lost(signal),
        })
    }

    /// What waits, for the thread itself: the truth, not just a hint.
    pub fn look(&self) -> u64 {
        if self.bits() != 0 {
            self.sort();
            self.recount(!0);
        }
        self.bits()
    }

    /// Takes those of `signals` that were sent to the process out, the oldest first, and
    /// gives them to `act`. For the thread itself.
    pub fn take_shared(&self, signals: u64, mut act: impl FnMut(Taken)) {
        self.sort();
        self.lists[1].retain(|entry| {
            let wanted = bit(entry.signal.get()) & signals != 0;
            if wanted {
                act(self.release(entry));
            }
            !wanted
        });
        self.recount(signals);
    }
}
