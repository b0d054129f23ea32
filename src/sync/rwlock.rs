//! Read-write locks.

use core::sync::atomic::{AtomicI32, AtomicU32, Ordering};

use super::queue::{self, Node, Verdict};
use crate::sys::clock::{Instant, NEVER};
use crate::thread::tcb;
use crate::thread::wait::Wake;

/// As long as glibc's `pthread_rwlock_t`, all zeros but for `shared` and `flags`,
/// which lie where glibc has them (sysdeps/nptl/bits/struct_rwlock.h).
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
        self.state.as_ptr() as usize
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
            libc::EBUSY => self.wait(TO_READ, deadline),
            result => result,
        }
    }

    /// `pthread_rwlock_clockwrlock`: 0 or an error number.
    #[inline]
    pub fn write(&self, deadline: impl FnOnce() -> Result<Instant, i32>) -> i32 {
        match self.try_write() {
            libc::EBUSY => self.wait(TO_WRITE, deadline),
            result => result,
        }
    }

    #[cold]
    fn wait(&self, purpose: u32, deadline: impl FnOnce() -> Result<Instant, i32>) -> i32 {
        if self.is_written_by_me() {
            return libc::EDEADLK;
        }
        let deadline = match deadline() {
            Ok(deadline) => deadline,
            Err(error) => return error,
        };
        if purpose == TO_WRITE {
            self.writers.fetch_add(1, Ordering::Relaxed);
        }
        let result = loop {
            let must_wait = || self.must_wait(purpose).then_some(purpose);
            let reason = queue::wait(self.key(), deadline, false, must_wait, || (), || ());
            let result = if purpose == TO_READ {
                self.try_read()
            } else {
                self.try_write()
            };
            if result != libc::EBUSY {
                break result;
            }
            if reason == Some(Wake::Timeout) {
                break libc::ETIMEDOUT;
            }
        };
        if purpose == TO_WRITE && self.writers.fetch_sub(1, Ordering::Relaxed) == 1 && result != 0 {
            // Readers may have waited for this writer only.
            self.wake(false);
        }
        result
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

    /// `pthread_rwlock_unlock(3p)`.
    #[inline]
    pub fn unlock(&self) {
        // Only the holder of a write lock sees its own id or the bit.
        if self.state.load(Ordering::Relaxed) & WRITER != 0 {
            self.writer.store(0, Ordering::Relaxed);
            if self.state.fetch_and(!WRITER, Ordering::Release) & WAITED != 0 {
                self.wake(self.prefers_writers());
            }
        } else {
            let before = self.state.fetch_sub(1, Ordering::Release);
            if before & READERS == 1 && before & WAITED != 0 {
                self.wake(true);
            }
        }
    }

    /// Wakes a writer or all readers, whichever is to be `first`, else the others.
    #[cold]
    fn wake(&self, writer_first: bool) {
        let order = if writer_first {
            [TO_WRITE, TO_READ]
        } else {
            [TO_READ, TO_WRITE]
        };
        for purpose in order {
            let verdict = |node: &Node, woken| {
                if node.tag() != purpose || purpose == TO_WRITE && woken > 0 {
                    return Verdict::Skip;
                }
                Verdict::Wake(Wake::Ready)
            };
            let woken = queue::wake(self.key(), verdict, |woken, remain| {
                if !remain {
                    self.state.fetch_and(!WAITED, Ordering::Relaxed);
                }
                woken
            });
            if woken > 0 {
                return;
            }
        }
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
