//! Mutexes.
//!
//! | lock word | meaning | to lock it | to unlock it |
//! | --- | --- | --- | --- |
//! | 0 | free | 1; 2 by who has waited | |
//! | 1 | held | 2, and wait | 0 |
//! | 2 | held, and somebody may wait | wait | under the queue's lock: wake one, and 0; or hand it over, and 1, or 2 if others wait |
//!
//! Whoever comes first gets a free mutex, waiters or not: handing it over each
//! time would switch threads at every unlock. But a waiter that was woken and
//! found it taken again gets it handed over the next time.

use crate::glibc::tcb;
use crate::sched::{park, wake};
use crate::signal::cancel;
use crate::sys::atomic::{AtomicI32, AtomicU32, Ordering};
use crate::sys::cell::Cell;
use crate::sys::clock::{Instant, NEVER};
use crate::task::seat::Seat;
use crate::task::word::{Cancellation, Wake};
use crate::wait::queue::Verdict;

/// glibc's `pthread_mutex_t` (sysdeps/nptl/bits/struct_mutex.h).
#[derive(Default)]
#[repr(C)]
pub struct Mutex {
    lock: AtomicU32,
    /// How often the owner of a recursive mutex has locked it.
    count: Cell<u32>,
    /// The thread id of the owner, 0 for none.
    owner: AtomicI32,
    /// Threads that wait on a condition variable with it and, if it is glibc's affair,
    /// the one that holds it: as long as there are any it cannot be destroyed. Changed by
    /// who holds it.
    users: Cell<u32>,
    kind: AtomicU32,
}

const RECURSIVE: u32 = libc::PTHREAD_MUTEX_RECURSIVE as u32;
const ERRORCHECK: u32 = libc::PTHREAD_MUTEX_ERRORCHECK as u32;
/// The bits of `kind` that say normal, recursive, error-checking or adaptive.
const TYPE: u32 = 3;
/// Bits that make a mutex glibc's affair: robust, priority ceiling,
/// process-shared. (256 and 512 are about lock elision.)
const NOT_OURS: u32 = ROBUST | CEILING | PROCESS_SHARED;
const ROBUST: u32 = 16;
/// Priority inheritance. There is none among green threads, but natively the kernel looks who
/// has the mutex, whatever its type.
const INHERITS: u32 = 32;
const CEILING: u32 = 64;
const PROCESS_SHARED: u32 = 128;

/// What has come of a wait for the lock word.
#[derive(PartialEq, Eq)]
enum Outcome {
    /// The caller has it.
    Taken,
    /// The deadline has passed.
    Timeout,
    /// Somebody has given the mutex to glibc.
    Given,
}

/// What a waiter says of itself: it was woken before and came too late.
const RETRIED: u32 = 1;

impl Mutex {
    /// Whether it is of the plain kind, which knows no owner and is ours.
    #[inline(always)]
    fn is_plain(&self) -> bool {
        self.kind.load(Ordering::Relaxed) & (TYPE | INHERITS | NOT_OURS) == 0
    }

    /// [`lock`](Self::lock), where nothing stands in the way: true if that was so.
    #[inline(always)]
    pub fn lock_plain(&self) -> bool {
        let taken = self.is_plain() && self.take();
        if taken {
            self.owner.store(tcb::own_id(), Ordering::Relaxed);
            self.note_user();
        }
        taken
    }

    /// [`unlock`](Self::unlock) of a plain mutex: true if it is one.
    #[inline(always)]
    pub fn unlock_plain(&self) -> bool {
        let plain = self.is_plain();
        if plain {
            self.owner.store(0, Ordering::Relaxed);
            self.release();
        }
        plain
    }

    /// Whether glibc has to deal with it.
    #[inline(always)]
    pub fn is_glibcs(&self) -> bool {
        self.kind.load(Ordering::Relaxed) & NOT_OURS != 0
    }

    /// Whether it is glibc's because processes share it, and for nothing else.
    pub fn is_shared_only(&self) -> bool {
        let kind = self.kind.load(Ordering::Relaxed);
        kind & (NOT_OURS | INHERITS) == PROCESS_SHARED
    }

    /// Of one that is glibc's: whether the kernel has to know who holds it.
    pub fn is_kernels(&self) -> bool {
        let kind = self.kind.load(Ordering::Relaxed);
        kind & CEILING != 0
            || kind & INHERITS != 0
            || kind & (ROBUST | PROCESS_SHARED) == ROBUST | PROCESS_SHARED
    }

    /// Of a mutex that glibc has just initialised and that processes do not share: if it is
    /// robust, the kernel is not to know of it. (glibc takes all robust mutexes for shared ones.)
    pub fn set_private(&self) {
        if self.kind.load(Ordering::Relaxed) & ROBUST != 0 {
            self.kind
                .fetch_and(!(INHERITS | PROCESS_SHARED), Ordering::Relaxed);
        }
    }

    #[inline(always)]
    fn is_mine(&self) -> bool {
        // Relaxed: it holds the caller's id only if the caller has put it there.
        self.owner.load(Ordering::Relaxed) == tcb::own_id()
    }

    /// For kinds that know their owner: the answer without waiting, if the caller
    /// is that.
    #[inline]
    fn relock(&self, attempt: bool) -> Option<i32> {
        let kind = self.kind.load(Ordering::Relaxed);
        match kind & TYPE {
            RECURSIVE if self.is_mine() => {
                let Some(count) = self.count.get().checked_add(1) else {
                    return Some(libc::EAGAIN);
                };
                self.count.set(count);
                Some(0)
            }
            ERRORCHECK if self.is_mine() => Some(if attempt && kind & INHERITS == 0 {
                libc::EBUSY
            } else {
                libc::EDEADLK
            }),
            _ => None,
        }
    }

    #[inline(always)]
    fn take(&self) -> bool {
        // Acquire pairs with the Release in `release`.
        self.lock
            .compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    #[inline(always)]
    fn own(&self) {
        self.owner.store(tcb::own_id(), Ordering::Relaxed);
        self.count.set(1);
        self.note_user();
    }

    /// The caller has just taken the mutex as one of ours. Did somebody
    /// [give it to glibc](Self::give_to_glibc) meanwhile, the caller will unlock it there.
    #[inline(always)]
    fn note_user(&self) {
        if self.is_glibcs() {
            self.add_user();
        }
    }

    /// The caller, who holds it, is going to wait on a condition variable with it.
    #[inline]
    pub fn add_user(&self) {
        self.users.set(self.users.get().wrapping_add(1));
    }

    /// The end of that: the caller holds it again.
    #[inline]
    pub fn remove_user(&self) {
        self.users.set(self.users.get().wrapping_sub(1));
    }

    /// Has glibc deal with the mutex from here on, as with those that processes share:
    /// a condition variable of glibc's is going to release it and take it again. The
    /// caller holds it. Who waits for it, or is about to, turns to glibc.
    #[cold]
    pub fn give_to_glibc(&self) {
        let verdict = |_: &Seat, _| Verdict::Wake(Wake::Ready);
        // Under the queue's lock, where nobody begins to wait without a look at the kind.
        wake::address(self.key(), verdict, |_, _| {
            self.kind.fetch_and(!INHERITS, Ordering::Relaxed);
            self.kind.fetch_or(PROCESS_SHARED, Ordering::Relaxed);
        });
        self.add_user();
    }

    /// `pthread_mutex_lock(3p)`: 0 or an error number; `None`: it has become glibc's affair.
    /// `cancellation` says whose ends the wait.
    #[inline]
    pub fn lock(&self, cancellation: Cancellation) -> Option<i32> {
        if self.kind.load(Ordering::Relaxed) & TYPE != 0
            && let Some(result) = self.relock(false)
        {
            return Some(result);
        }
        if !self.take() && self.lock_contended(NEVER, cancellation) == Outcome::Given {
            return None;
        }
        self.own();
        Some(0)
    }

    /// [`lock`](Self::lock) of one for which libc's own functions wait, too: `wait` takes the lock word, which was found
    /// taken, for somebody who waits.
    pub fn lock_by(&self, wait: impl FnOnce(&AtomicU32)) -> i32 {
        if let Some(result) = self.relock(false) {
            return result;
        }
        if !self.take() {
            wait(&self.lock);
        }
        self.own();
        0
    }

    /// `pthread_mutex_trylock(3p)`.
    #[inline]
    pub fn try_lock(&self) -> i32 {
        if let Some(result) = self.relock(true) {
            return result;
        }
        if !self.take() {
            return libc::EBUSY;
        }
        self.own();
        0
    }

    /// `pthread_mutex_clocklock`, as [`lock`](Self::lock): `deadline` is only asked for if
    /// the mutex is not free.
    pub fn lock_until(&self, deadline: impl FnOnce() -> Result<Instant, i32>) -> Option<i32> {
        if let Some(result) = self.relock(false) {
            return Some(result);
        }
        if !self.take() {
            let deadline = match deadline() {
                Err(error) => return Some(error),
                Ok(deadline) => deadline,
            };
            match self.lock_contended(deadline, Cancellation::Asynchronous) {
                Outcome::Taken => {}
                Outcome::Timeout => return Some(libc::ETIMEDOUT),
                Outcome::Given => return None,
            }
        }
        self.own();
        Some(0)
    }

    /// Waits for the lock word.
    #[cold]
    fn lock_contended(&self, deadline: Instant, cancellation: Cancellation) -> Outcome {
        let mut tag = 0;
        // Who has waited takes it as "somebody may wait": others may still.
        while self.lock.swap(2, Ordering::Acquire) != 0 {
            let key = self.key();
            let held =
                || (self.lock.load(Ordering::Relaxed) == 2 && !self.is_glibcs()).then_some(tag);
            match park::on_address(key, deadline, cancellation, held, || (), || ()) {
                Some(Wake::Granted) => return Outcome::Taken,
                Some(Wake::Timeout) => return Outcome::Timeout,
                Some(Wake::Ready) => tag = RETRIED,
                // A handler has run; POSIX has the wait go on.
                Some(Wake::Interrupted) if cancellation != Cancellation::Never => {
                    cancel::anywhere();
                }
                _ => {}
            }
            if self.is_glibcs() {
                return Outcome::Given;
            }
        }
        Outcome::Taken
    }

    fn key(&self) -> usize {
        core::ptr::from_ref(&self.lock).addr()
    }

    /// Why the caller must not unlock it, or 0.
    #[inline(always)]
    pub fn unlock_error(&self) -> i32 {
        let kind = self.kind.load(Ordering::Relaxed);
        let knows_owner = kind & INHERITS != 0 || matches!(kind & TYPE, RECURSIVE | ERRORCHECK);
        if knows_owner && !self.is_mine() {
            libc::EPERM
        } else {
            0
        }
    }

    /// `pthread_mutex_unlock(3p)`: 0 or `EPERM`.
    #[inline]
    pub fn unlock(&self) -> i32 {
        self.leave(Self::release)
    }

    /// [`unlock`](Self::unlock) of one that was [taken so](Self::lock_by): `wake` is for the lock word, which is free, where
    /// somebody may wait.
    pub fn unlock_by(&self, wake: impl FnOnce(*const AtomicU32)) -> i32 {
        self.leave(|mutex| {
            // SeqCst, as for all of libc's locks.
            if mutex.lock.swap(0, Ordering::SeqCst) == 2 {
                wake(&raw const mutex.lock);
            }
        })
    }

    /// The caller gives it back by `release` if he has it for the first time.
    #[inline(always)]
    fn leave(&self, release: impl FnOnce(&Self)) -> i32 {
        let error = self.unlock_error();
        if error != 0 {
            return error;
        }
        if self.kind.load(Ordering::Relaxed) & TYPE == RECURSIVE {
            self.count.set(self.count.get() - 1);
            if self.count.get() > 0 {
                return 0;
            }
        }
        self.owner.store(0, Ordering::Relaxed);
        release(self);
        0
    }

    #[inline(always)]
    fn release(&self) {
        // Release pairs with the Acquire in `take` and `lock_contended`. Once the word is
        // free the mutex may be gone.
        if self
            .lock
            .compare_exchange(1, 0, Ordering::Release, Ordering::Relaxed)
            .is_err()
        {
            self.hand_on();
        }
    }

    #[cold]
    fn hand_on(&self) {
        let granted = Cell::new(false);
        let verdict = |node: &Seat, woken| {
            if woken > 0 {
                return Verdict::Stop;
            }
            granted.set(node.tag() == RETRIED);
            Verdict::Wake(if granted.get() {
                Wake::Granted
            } else {
                Wake::Ready
            })
        };
        // Under the queue's lock nobody can begin to wait: a mutex that is granted
        // is never seen free.
        wake::address(self.key(), verdict, |woken, remain| {
            let next = match (woken > 0 && granted.get(), remain) {
                (false, _) => 0,
                (true, false) => 1,
                (true, true) => 2,
            };
            // A read-modify-write, as every change of a word that others change by one.
            self.lock.swap(next, Ordering::Release);
        });
    }

    /// `pthread_mutex_destroy(3p)`: 0 or `EBUSY`.
    pub fn destroy(&self) -> i32 {
        if self.lock.load(Ordering::Relaxed) != 0 || self.users.get() != 0 {
            return libc::EBUSY;
        }
        // glibc's "destroyed": locking it is EINVAL.
        self.kind.store(u32::MAX, Ordering::Relaxed);
        0
    }
}
