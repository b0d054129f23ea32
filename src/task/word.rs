//! The park word: the rendezvous of a thread that waits and whoever wakes it.
//!
//! A waiter arms its word, puts itself where wakers find it (any number of queues
//! and a timer), and leaves the CPU. Whoever moves the word from "armed" to
//! "claimed" first has won the right to wake it and has said why; all others have
//! lost, and do nothing. A green thread may run again when two things have happened,
//! in whatever order: it was claimed, and its registers are in memory ("saved").
//! Whichever of the two comes second is told to make it runnable. A kernel thread
//! sleeps on the word itself, a futex, until it is claimed and no longer held.
//!
//! | bits | name | set by | meaning |
//! | --- | --- | --- | --- |
//! | 0 | ARMED | the waiter | claims are welcome |
//! | 1 | SAVED | the context that runs next | a green waiter's registers are in memory |
//! | 2 | CLAIMED | the waker | the waiter will run; no further claim |
//! | 3 | POINT | the waiter | it is at a cancellation point |
//! | 4 | KERNEL | the waiter | it sleeps on this word instead of being switched out |
//! | 5 | HELD | the waker, with CLAIMED | a kernel thread is in a list of woken ones: its block must stay |
//! | 6 | ANYWHERE | the waiter | it can be unwound here if it can be anywhere |
//! | 7 | BRANCH | the waiter | nobody waits on this word: it is one of several places where a thread does |
//! | 8–15 | reason | the waker, with CLAIMED | a [`Wake`] |
//!
//! | transition | by | from | to | tells |
//! | --- | --- | --- | --- | --- |
//! | [`arm`](ParkWord::arm) | the waiter | 0 | ARMED | |
//! | [`claim`](ParkWord::claim) | anybody | ARMED | + CLAIMED, reason | [`Claim`] |
//! | [`save`](ParkWord::save) | the context that runs next | ARMED | + SAVED | [`Saved`] |
//! | [`release`](ParkWord::release) | the waker of a kernel thread | HELD | − HELD | |
//! | [`finish`](ParkWord::finish) | the waiter | CLAIMED | 0 | the [`Wake`] |
//! | [`take_back`](ParkWord::take_back) | the waiter | ARMED | 0 | whether it was claimed |
//!
//! A thread that waits in several queues of one kind stands in each with a *branch*: its word says no more
//! than that, and, under the queue's lock, that it was reached.
//!
//! | transition | by | from | to | tells |
//! | --- | --- | --- | --- | --- |
//! | [`branch_off`](ParkWord::branch_off) | the waiter | any | BRANCH | |
//! | [`claim`](ParkWord::claim) | anybody | BRANCH | BRANCH | to claim the thread whose it is |
//! | [`reach`](ParkWord::reach) | who takes it out of the queue | BRANCH | + CLAIMED | |
//!
//! Nothing here makes anybody runnable: that is the scheduler's, once no lock is held.

use crate::sys::atomic::{AtomicU32, Ordering};

const ARMED: u32 = 1;
const SAVED: u32 = 2;
const CLAIMED: u32 = 4;
const POINT: u32 = 8;
const KERNEL: u32 = 16;
const HELD: u32 = 32;
const ANYWHERE: u32 = 64;
const BRANCH: u32 = 128;
const REASON_SHIFT: u32 = 8;

/// Why a waiting thread runs again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Wake {
    /// What it waited for has happened, or may have.
    Ready = 1,
    /// Its deadline has passed.
    Timeout = 2,
    /// A signal or a cancellation request wants it.
    Interrupted = 3,
    /// The descriptor that it waited on was closed.
    Closed = 4,
    /// The lock that it waited for is already its own.
    Granted = 5,
}

impl Wake {
    fn of(word: u32) -> Self {
        match word >> REASON_SHIFT {
            2 => Self::Timeout,
            3 => Self::Interrupted,
            4 => Self::Closed,
            5 => Self::Granted,
            _ => Self::Ready,
        }
    }
}

/// How a waiter leaves the CPU.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sleeper {
    /// It is switched out, and its worker runs somebody else.
    Green,
    /// It blocks its kernel thread.
    Kernel,
}

/// Whose cancellation ends a wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cancellation {
    /// Nobody's: the wait is part of a call that has something to put in order.
    Never,
    /// That of threads that can be cancelled anywhere.
    Asynchronous,
    /// Anybody's who has not disabled it: a cancellation point.
    Point,
}

/// What has come of a [`ParkWord::claim`].
#[must_use = "a claimed thread runs only if its waker does what this says"]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Claim {
    /// It is not waiting, or somebody else was first: nothing to do.
    Lost,
    /// It is on its way out of the CPU: who saves it makes it runnable.
    Pending,
    /// The waker has to make it runnable.
    Runnable,
    /// The waker has to release the word and wake the kernel thread that sleeps on it.
    Kernel,
    /// It is a branch: whose it is has to be claimed, and the branch to be marked as reached.
    Branch,
}

/// What has come of a [`ParkWord::save`].
#[must_use = "a thread that was claimed before it was saved runs only if this is heeded"]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Saved {
    /// It is parked: a waker will make it runnable.
    Parked,
    /// It was claimed meanwhile: the caller has to make it runnable.
    Claimed,
}

/// See the module. All zeros: nobody waits.
#[derive(Default)]
pub struct ParkWord(AtomicU32);

impl ParkWord {
    /// The word of a thread that does not wait, before anybody else knows it.
    pub fn clear(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// Opens a wait: from here on wakers may claim the caller, whose word this is.
    /// Where `cancellation` says so a request for its cancellation ends the wait as a
    /// signal does.
    ///
    /// A plain store: while the word is 0 nobody else changes it. Relaxed: it is
    /// published by the lock of the queue that the waiter enters next.
    #[inline(always)]
    pub fn arm(&self, cancellation: Cancellation, sleeper: Sleeper) {
        let ends = match cancellation {
            Cancellation::Never => 0,
            Cancellation::Asynchronous => ANYWHERE,
            Cancellation::Point => POINT,
        };
        let kernel = if sleeper == Sleeper::Kernel {
            KERNEL
        } else {
            0
        };
        self.0.store(ARMED | ends | kernel, Ordering::Relaxed);
    }

    /// Claims the waiter for `reason`.
    #[inline]
    pub fn claim(&self, reason: Wake) -> Claim {
        let mut word = self.0.load(Ordering::Relaxed);
        loop {
            if word & (ARMED | CLAIMED) != ARMED {
                let is_branch = word & BRANCH != 0;
                return if is_branch {
                    Claim::Branch
                } else {
                    Claim::Lost
                };
            }
            let held = if word & KERNEL != 0 { HELD } else { 0 };
            let claimed = word | CLAIMED | held | (reason as u32) << REASON_SHIFT;
            // AcqRel: Acquire pairs with `save` (the registers are in memory), Release
            // with the load in `finish` (what the waker did before).
            match self
                .0
                .compare_exchange_weak(word, claimed, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) if word & KERNEL != 0 => return Claim::Kernel,
                Ok(_) if word & SAVED != 0 => return Claim::Runnable,
                Ok(_) => return Claim::Pending,
                Err(now) => word = now,
            }
        }
    }

    /// Makes it the word of a branch, which nobody knows yet.
    pub fn branch_off(&self) {
        self.0.store(BRANCH, Ordering::Relaxed);
    }

    /// The branch was reached: [`is_claimed`](Self::is_claimed) says so from here on.
    ///
    /// Relaxed: guarded by the lock of the queue that it is taken out of.
    pub fn reach(&self) {
        self.0.store(BRANCH | CLAIMED, Ordering::Relaxed);
    }

    /// The green waiter's registers are in memory: for the context that runs next.
    #[inline(always)]
    pub fn save(&self) -> Saved {
        // AcqRel pairs with the claim: one of the two sees the other.
        if self.0.fetch_or(SAVED, Ordering::AcqRel) & CLAIMED != 0 {
            Saved::Claimed
        } else {
            Saved::Parked
        }
    }

    /// Lets a claimed kernel thread go on; returns the futex to wake. From here on the
    /// waiter's block may be gone: the address is a key only.
    #[inline]
    pub fn release(&self) -> *const u32 {
        let futex = core::ptr::from_ref(&self.0).cast();
        // Release pairs with the load in `sleep_on`: the waker is done with the block.
        self.0.fetch_and(!HELD, Ordering::Release);
        futex
    }

    /// For a waiting kernel thread, the caller: the value to sleep on, or `None` when it
    /// was claimed and let go.
    pub fn sleep_on(&self) -> Option<u32> {
        let word = self.0.load(Ordering::Acquire);
        (word & (CLAIMED | HELD) != CLAIMED).then_some(word)
    }

    /// Whether the waiter was claimed.
    #[inline(always)]
    pub fn is_claimed(&self) -> bool {
        self.0.load(Ordering::Acquire) & CLAIMED != 0
    }

    /// Whose cancellation ends the wait; nobody's where there is none.
    pub fn cancellation(&self) -> Cancellation {
        match self.0.load(Ordering::Relaxed) & (POINT | ANYWHERE) {
            POINT => Cancellation::Point,
            ANYWHERE => Cancellation::Asynchronous,
            _ => Cancellation::Never,
        }
    }

    /// The word as a futex, for the kernel thread that sleeps on it.
    pub fn futex(&self) -> &AtomicU32 {
        &self.0
    }

    /// Ends the wait of the caller, which was claimed: why it runs again.
    #[inline(always)]
    pub fn finish(&self) -> Wake {
        // Acquire pairs with the claim.
        let word = self.0.load(Ordering::Acquire);
        debug_assert!(word & (CLAIMED | HELD) == CLAIMED, "a wait ends by a claim");
        // A plain store: after the claim nobody else changes the word.
        self.0.store(0, Ordering::Relaxed);
        Wake::of(word)
    }

    /// Takes back the armed wait of the caller, a green thread that has not left the
    /// CPU: the claim that was made meanwhile, whose maker has nothing else to do.
    pub fn take_back(&self) -> Option<Wake> {
        // AcqRel: after this nobody claims, and who has claimed is seen.
        let word = self.0.swap(0, Ordering::AcqRel);
        debug_assert!(
            word & KERNEL == 0,
            "a kernel thread may be in a waker's list"
        );
        (word & CLAIMED != 0).then(|| Wake::of(word))
    }
}
