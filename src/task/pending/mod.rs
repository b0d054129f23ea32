//! The signals that wait for one thread, in the order in which they came.
//!
//! Anybody may add one, a handler too: new ones go on a stack that is only pushed to or
//! taken whole. Only the thread itself takes signals out to handle them, from a list of its
//! own to which the stack is moved, oldest first (`take.rs`).
//!
//! A bit says that a signal may be there; the entries are the truth. Real-time signals
//! queue; of a standard one the first is kept, one for the thread and one for the process
//! (signal(7), as the kernel's `legacy_queue`).

mod arrivals;
mod discards;
mod fifo;
mod pool;
mod take;

use core::cell::Cell;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::glibc::signals::{SIGCANCEL, SIGSETXID};
use crate::sys::sigmask::bit;
use arrivals::Arrivals;
use discards::era;
use fifo::Fifo;

/// The first signal that queues.
pub const REAL_TIME: i32 = 32;

/// Whether several of it queue.
pub fn queues(signal: i32) -> bool {
    signal >= REAL_TIME
}

pub use discards::discard;
pub use pool::is_at_limit;

/// What comes with a signal about which nothing is known.
pub fn lost(signal: i32) -> libc::siginfo_t {
    // SAFETY: all zeros is a valid siginfo_t (SI_USER).
    let mut info: libc::siginfo_t = unsafe { core::mem::zeroed() };
    info.si_signo = signal;
    info
}

/// Bits that are libgreen's own, and have no entries: a request for cancellation, and that there
/// are [errands](super::errand).
const REQUESTS: u64 = bit(SIGCANCEL) | bit(SIGSETXID) | STEPS;

/// Of those the one that is never to be handled: the thread makes single steps, outside the runtime.
/// (Nobody is sent this signal by way of a set of pending ones.)
const STEPS: u64 = bit(libc::SIGSTOP);

/// See the module.
pub struct Pending {
    /// Signals that may wait (bit `n - 1` for signal `n`), and [`REQUESTS`].
    bits: AtomicU64,
    /// Those of them that were sent to the process.
    shared: AtomicU64,
    /// Those for which there was no memory: they wait without information.
    bare: AtomicU64,
    arrived: Arrivals,
    /// The thread's own lists: of what was sent to it, and to the process.
    lists: [Fifo; 2],
    /// How many discards the lists have seen.
    seen_discards: Cell<u32>,
    /// Standard signals that have an entry or are about to, one set for those of the thread
    /// and one for those of the process.
    present: [AtomicU64; 2],
    /// Nobody is there any more to handle what comes.
    closed: AtomicBool,
}

/// A signal that has been taken out.
pub struct Taken {
    /// Its number.
    pub signal: i32,
    /// Whether it was sent to the process.
    pub shared: bool,
    /// What came with it.
    pub info: libc::siginfo_t,
}

impl Pending {
    /// Nothing.
    pub const fn new() -> Self {
        Self {
            bits: AtomicU64::new(0),
            shared: AtomicU64::new(0),
            bare: AtomicU64::new(0),
            arrived: Arrivals::new(),
            lists: [const { Fifo::new() }; 2],
            seen_discards: Cell::new(0),
            present: [const { AtomicU64::new(0) }; 2],
            closed: AtomicBool::new(false),
        }
    }

    /// Whether there is anything to do for the thread when it comes out of the runtime.
    #[inline(always)]
    pub fn is_anything(&self) -> bool {
        self.bits.load(Ordering::Relaxed) != 0
    }

    /// Signals that may wait.
    #[inline(always)]
    pub fn bits(&self) -> u64 {
        self.bits.load(Ordering::Relaxed) & !STEPS
    }

    /// The same, after everything that was sent before.
    pub fn bits_now(&self) -> u64 {
        self.bits.load(Ordering::SeqCst) & !STEPS
    }

    /// Those of them that were sent to the process.
    pub fn shared(&self) -> u64 {
        self.shared.load(Ordering::SeqCst)
    }

    /// Whether what comes finds nobody. SeqCst: whoever adds a signal looks afterwards.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// Notes a request for cancellation.
    pub fn request_cancel(&self) {
        self.bits.fetch_or(bit(SIGCANCEL), Ordering::SeqCst);
    }

    /// Takes it out again.
    pub fn forget_cancel(&self) {
        self.bits.fetch_and(!bit(SIGCANCEL), Ordering::AcqRel);
    }

    /// Notes that there are errands.
    pub fn announce_errand(&self) {
        self.bits.fetch_or(bit(SIGSETXID), Ordering::SeqCst);
    }

    /// Takes that out again, before they are done.
    pub fn forget_errands(&self) {
        self.bits.fetch_and(!bit(SIGSETXID), Ordering::AcqRel);
    }

    /// Notes that the thread, which is inside the runtime, goes on with single steps outside.
    pub fn note_steps(&self) {
        self.bits.fetch_or(STEPS, Ordering::Relaxed);
    }

    /// Takes that out again: whether it was noted.
    pub fn forget_steps(&self) -> bool {
        self.bits.fetch_and(!STEPS, Ordering::Relaxed) & STEPS != 0
    }

    /// Adds `signal`, which came with `info`. Async-signal-safe.
    pub fn add(&self, signal: i32, info: &libc::siginfo_t, shared: bool) {
        let bit = bit(signal);
        if !queues(signal) && self.is_present(signal, shared) {
            return;
        }
        match pool::take() {
            Some(entry) => {
                entry.signal.set(signal);
                entry.shared.set(shared);
                entry.era.set(era(signal));
                // SAFETY: the entry is the caller's until it is pushed.
                unsafe { (*entry.info.get()) = MaybeUninit::new(*info) };
                self.arrived.push(entry);
            }
            None => {
                self.bare.fetch_or(bit, Ordering::Relaxed);
                self.present[usize::from(shared)].fetch_and(!bit, Ordering::Relaxed);
            }
        }
        // After the entry is there. SeqCst: the thread marks what it waits for or accepts,
        // then looks; whoever sends looks at that afterwards.
        if shared {
            self.shared.fetch_or(bit, Ordering::SeqCst);
        }
        self.bits.fetch_or(bit, Ordering::SeqCst);
    }

    /// Whether one of the kind is there and will be taken after this; if not, the caller's
    /// is the one.
    fn is_present(&self, signal: i32, shared: bool) -> bool {
        let present = &self.present[usize::from(shared)];
        let before = present.fetch_or(bit(signal), Ordering::SeqCst);
        // Where some have been discarded it may be one of those: two do no harm.
        before & bit(signal) != 0 && era(signal) == 0
    }

    /// Ends it: what is there is for `act` if it was sent to the process, and forgotten
    /// otherwise. For the context that runs after the thread.
    pub fn close(&self, mut act: impl FnMut(Taken)) {
        self.closed.store(true, Ordering::SeqCst);
        self.clear(|taken| {
            if taken.shared {
                act(taken);
            }
        });
    }

    /// Begins it anew, for another thread. What has come late for the one before is treated
    /// as in [`close`](Self::close).
    pub fn open(&self, mut act: impl FnMut(Taken)) {
        self.clear(|taken| {
            if taken.shared {
                act(taken);
            }
        });
        self.closed.store(false, Ordering::Relaxed);
    }

    fn clear(&self, mut act: impl FnMut(Taken)) {
        if self.bits_now() == 0 && self.arrived.is_empty() {
            return;
        }
        self.sort();
        for list in &self.lists {
            while let Some(entry) = list.pop() {
                act(self.release(entry));
            }
        }
        self.bare.store(0, Ordering::Relaxed);
        self.shared.store(0, Ordering::Relaxed);
        self.bits.store(0, Ordering::Relaxed);
    }

    /// Takes back what has just arrived for a thread that turned out to have ended, or to block
    /// `refused`: what it does not handle, and was sent to the process, is for `act`. For
    /// anybody.
    pub fn rescue(&self, refused: u64, mut act: impl FnMut(Taken)) {
        let arrived = self.arrived.take();
        while let Some(entry) = arrived.pop() {
            let shared = entry.shared.get();
            let is_refused = shared && bit(entry.signal.get()) & refused != 0;
            if !is_refused && !self.is_closed() {
                self.arrived.push(entry);
                continue;
            }
            let taken = self.release(entry);
            if shared {
                act(taken);
            }
        }
    }
}
