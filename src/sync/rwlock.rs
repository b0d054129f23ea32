//! Read-write locks.
//!
//! | bits of the state | name | meaning |
//! | --- | --- | --- |
//! | 0–29 | READERS | how many hold it for reading |
//! | 30 | WAITED | somebody waits |
//! | 31 | WRITER | one holds it for writing |
//!
//! | transition | from | to |
//! | --- | --- | --- |
//! | [`try_read`](RwLock::try_read) | no WRITER; nor a writer that waits and is preferred | + 1 |
//! | [`try_write`](RwLock::try_write) | neither WRITER nor READERS | + WRITER |
//! | `must_wait`, under the queue's lock | where neither would do | + WAITED |
//! | [`unlock`](RwLock::unlock) | WRITER alone | 0 |
//! | | READERS, but for the last of them where somebody waits | − 1 |
//! | `hand_on`, under the queue's lock, after it has woken | all else | − the caller's part; − WAITED where nobody waits any more |

use crate::glibc::tcb;
use crate::sched::{park, wake};
use crate::signal::cancel;
use crate::sys::atomic::{AtomicI32, AtomicU32, Ordering};
use crate::sys::clock::{Instant, NEVER};
use crate::task::seat::Seat;
use crate::task::word::{Cancellation, Wake};
use crate::wait::queue::Verdict;

/// As long as glibc's `pthread_rwlock_t`, all zeros but for `shared` and `flags`,
/// which lie where glibc has them (sysdeps/nptl/bits/struct_rwlock.h).
#[derive(Default)]
#[repr(C)]
pub struct RwLock {
    state: AtomicU32,
    /// Writers that wait.
    writers: AtomicU32,
    unused: [u32; 4],
    /// The id of the thread that holds it for writing.
    writer: AtomicI32,
    shared: AtomicU32,
    more: [u32; 4],
    flags: AtomicU32,
}

/// Held by a writer.
const WRITER: u32 = 1 << 31;
/// Somebody waits.
const WAITED: u32 = 1 << 30;
/// The number of readers.
const READERS: u32 = WAITED - 1;

/// What a waiter waits for.
const TO_READ: u32 = 0;
const TO_WRITE: u32 = 1;

/// glibc: what `PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP` comes to.
const PREFER_WRITER_NONRECURSIVE: u32 = 2;

impl RwLock {
    /// Whether it is shared between processes, and so glibc's affair.
    #[inline(always)]
    pub fn is_glibcs(&self) -> bool {
        self.shared.load(Ordering::Relaxed) != 0
    }

    fn key(&self) -> usize {
        core::ptr::from_ref(&self.state).addr()
    }

    fn prefers_writers(&self) -> bool {
        self.flags.load(Ordering::Relaxed) == PREFER_WRITER_NONRECURSIVE
    }

    #[inline(always)]
    fn is_readable(&self, state: u32) -> bool {
        // Readers overtake waiting writers unless the lock prefers those: a thread
        // may read-lock again what it has read-locked.
        state & WRITER == 0
            && (state & WAITED == 0
                || !self.prefers_writers()
                || self.writers.load(Ordering::Relaxed) == 0)
    }

    /// One attempt to read-lock: 0, `EBUSY` or `EAGAIN`.
    #[inline]
    pub fn try_read(&self) -> i32 {
        let mut state = self.state.load(Ordering::Relaxed);
        while self.is_readable(state) {
            if state & READERS == READERS {
                return libc::EAGAIN;
            }
            // Acquire pairs with the Release in `unlock`.
            match self.state.compare_exchange_weak(
                state,
                state + 1,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return 0,
                Err(now) => state = now,
            }
        }
        libc::EBUSY
    }

    /// One attempt to write-lock: 0 or `EBUSY`.
    #[inline]
    pub fn try_write(&self) -> i32 {
        let mut state = self.state.load(Ordering::Relaxed);
        while state & (WRITER | READERS) == 0 {
            // Acquire pairs with the Release in `unlock`.
            match self.state.compare_exchange_weak(
                state,
                state | WRITER,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => {
                    self.writer.store(tcb::own_id(), Ordering::Relaxed);
                    return 0;
                }
                Err(now) => state = now,
            }
        }
        libc::EBUSY
    }

    fn is_written_by_me(&self) -> bool {
        self.writer.load(Ordering::Relaxed) == tcb::own_id()
    }

    /// `pthread_rwlock_clockrdlock`: 0 or an error number. `deadline` is only
    /// asked for if the lock is not to be had.
    #[inline]
    pub fn read(&self, deadline: impl FnOnce() -> Result<Instant, i32>) -> i32 {
        match self.try_read() {
            libc::EBUSY => self.lock_contended(TO_READ, deadline),
            result => result,
        }
    }

    /// `pthread_rwlock_clockwrlock`: 0 or an error number.
    #[inline]
    pub fn write(&self, deadline: impl FnOnce() -> Result<Instant, i32>) -> i32 {
        match self.try_write() {
            libc::EBUSY => self.lock_contended(TO_WRITE, deadline),
            result => result,
        }
    }

    #[cold]
    fn lock_contended(&self, purpose: u32, deadline: impl FnOnce() -> Result<Instant, i32>) -> i32 {
        if self.is_written_by_me() {
            return libc::EDEADLK;
        }
        let deadline = match deadline() {
            Ok(deadline) => deadline,
            Err(error) => return error,
        };
        self.enter(purpose);
        let result = loop {
            let must_wait = || self.must_wait(purpose).then_some(purpose);
            let ends = Cancellation::Asynchronous;
            let reason = park::on_address(self.key(), deadline, ends, must_wait, || (), || ());
            let result = if purpose == TO_READ {
                self.try_read()
            } else {
                self.try_write()
            };
            if result != libc::EBUSY {
                break result;
            }
            match reason {
                Some(Wake::Timeout) => break libc::ETIMEDOUT,
                Some(Wake::Interrupted) if cancel::is_due_anywhere() => {
                    self.leave(purpose, result);
                    cancel::anywhere();
                    self.enter(purpose);
                }
                _ => {}
            }
        };
        self.leave(purpose, result);
        result
    }

    /// The beginning of a wait.
    fn enter(&self, purpose: u32) {
        if purpose == TO_WRITE {
            self.writers.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Its end, with a result.
    fn leave(&self, purpose: u32, result: i32) {
        if purpose == TO_WRITE && self.writers.fetch_sub(1, Ordering::Relaxed) == 1 && result != 0 {
            // Readers may have waited for this writer only.
            self.hand_on(0, false);
        }
    }

    /// Under the queue's lock: announces a waiter, unless the lock is to be had.
    fn must_wait(&self, purpose: u32) -> bool {
        let mut state = self.state.load(Ordering::Relaxed);
        loop {
            let free = if purpose == TO_READ {
                self.is_readable(state)
            } else {
                state & (WRITER | READERS) == 0
            };
            if free {
                return false;
            }
            match self.state.compare_exchange_weak(
                state,
                state | WAITED,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => state = now,
            }
        }
    }

    /// `pthread_rwlock_unlock(3p)`. Once the caller's part has gone from the state the lock
    /// may have gone, too: the next holder may destroy it.
    #[inline]
    pub fn unlock(&self) {
        let mut state = self.state.load(Ordering::Relaxed);
        // Release pairs with the Acquire in `try_read` and `try_write`, here and below.
        if state & WRITER != 0 {
            self.writer.store(0, Ordering::Relaxed);
            if self
                .state
                .compare_exchange(WRITER, 0, Ordering::Release, Ordering::Relaxed)
                .is_err()
            {
                self.hand_on(WRITER, self.prefers_writers());
            }
            return;
        }
        while state & (READERS | WAITED) != 1 | WAITED {
            match self.state.compare_exchange_weak(
                state,
                state.wrapping_sub(1),
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(now) => state = now,
            }
        }
        self.hand_on(1, true);
    }

    /// Takes `part`, the caller's, out of the state, and wakes a writer or all readers,
    /// whichever is to be `first`, else the others.
    ///
    /// All under the queue's lock, with the state last: while somebody waits there, or the
    /// caller still holds its part, nobody can destroy the lock.
    #[cold]
    fn hand_on(&self, part: u32, writer_first: bool) {
        let order = if writer_first {
            [TO_WRITE, TO_READ]
        } else {
            [TO_READ, TO_WRITE]
        };
        wake::at(self.key(), |mut waiters, woken| {
            let mut remain = false;
            for purpose in order {
                let verdict = |node: &Seat, count| {
                    if node.tag() != purpose || purpose == TO_WRITE && count > 0 {
                        return Verdict::Skip;
                    }
                    Verdict::Wake(Wake::Ready)
                };
                let count;
                (count, remain) = waiters.claim(woken, verdict);
                if count > 0 {
                    break;
                }
            }
            // The bit changes under this lock only.
            let waited = self.state.load(Ordering::Relaxed) & WAITED;
            let gone = if remain { part } else { part | waited };
            self.state.fetch_sub(gone, Ordering::Release);
        });
    }

    /// Nobody touches it any more.
    #[cfg(model)]
    pub fn destroy(&mut self) {
        self.state.with_mut(|_| ());
    }

    /// [`read`](Self::read) without a time limit.
    #[inline]
    pub fn read_forever(&self) -> i32 {
        self.read(|| Ok(NEVER))
    }

    /// [`write`](Self::write) without a time limit.
    #[inline]
    pub fn write_forever(&self) -> i32 {
        self.write(|| Ok(NEVER))
    }
}
