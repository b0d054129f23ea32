//! The runtime's own lock.
//!
//! Held for a few dozen instructions at a time and always inside a
//! [`Critical`](crate::task::Critical) section, so that no signal handler of
//! the program ever runs on top of it. It blocks the *kernel* thread: it guards
//! the very structures that parking a green thread needs. In what order locks are taken is
//! in [`rank`](super::rank); builds with debug assertions see to that, and that nobody parks with one
//! held ([`holds_none`]).
//!
//! Taking one is a full fence on x86-64, giving it back is none ([`LockWord`]).

use core::cell::UnsafeCell;
use core::ptr;

use super::Critical;
use super::lock_word::LockWord;

/// What builds with debug assertions note of the locks that a thread holds.
#[cfg(debug_assertions)]
mod held {
    use crate::sys::sigmask::{self, bit};
    use crate::task::current;

    /// What the kernel takes out of each mask.
    const NEVER_BLOCKED: u64 = bit(libc::SIGKILL) | bit(libc::SIGSTOP);

    /// The caller takes a lock of this rank; `beside` one of the same rank that it holds.
    pub fn take(rank: u32, beside: bool) {
        let me = current();
        assert!(
            me.is_critical() || sigmask::get() == NEVER_BLOCKED ^ !0,
            "a lock where a handler may run"
        );
        let held = me.locks.get();
        let later = held >> (rank + u32::from(beside));
        assert!(later == 0, "a lock of rank {rank} with {held:#x} held");
        me.locks.set(held | 1 << rank);
    }

    /// The caller gives a lock of this rank back.
    pub fn give_back(rank: u32) {
        let me = current();
        me.locks.set(me.locks.get() & !(1 << rank));
    }
}

#[cfg(not(debug_assertions))]
mod held {
    #[inline(always)]
    pub fn take(_: u32, _: bool) {}
    #[inline(always)]
    pub fn give_back(_: u32) {}
}

/// Whether the caller holds none of the runtime's locks, as far as that is noted.
#[inline(always)]
pub fn holds_none() -> bool {
    #[cfg(debug_assertions)]
    return super::current().locks.get() == 0;
    #[cfg(not(debug_assertions))]
    true
}

/// A lock with its place in the [order](super::rank).
#[derive(Default)]
pub struct RawLock<const RANK: u32>(LockWord);

impl<const RANK: u32> RawLock<RANK> {
    /// A free lock.
    pub const fn new() -> Self {
        Self(LockWord::new())
    }

    /// Takes the lock, after a short spin by sleeping in the kernel.
    #[inline(always)]
    pub fn lock(&self) {
        held::take(RANK, false);
        self.0.acquire();
    }

    /// [`lock`](Self::lock), by the holder of another one of the same rank, which comes
    /// before this by its address.
    #[inline(always)]
    fn lock_beside(&self) {
        held::take(RANK, true);
        self.0.acquire();
    }

    /// Takes the lock if it is free.
    #[inline(always)]
    #[must_use]
    pub fn try_lock(&self) -> bool {
        let taken = self.0.try_acquire();
        if taken {
            held::take(RANK, false);
        }
        taken
    }

    /// Gives the lock back. Only the holder may call this; the holder may be
    /// another context than the one that took it.
    #[inline(always)]
    pub fn unlock(&self) {
        held::give_back(RANK);
        self.0.release();
    }

    /// Calls `act` with the lock held, where no handler runs. `act` does not park, and takes other
    /// locks only in their order.
    #[cfg(not(model))]
    pub fn during<R>(&self, act: impl FnOnce() -> R) -> R {
        let _critical = Critical::enter();
        self.lock();
        let result = act();
        self.unlock();
        result
    }

    /// Whether somebody holds it, for a forked child to ask.
    pub fn is_held(&self) -> bool {
        self.0.is_held()
    }

    /// Makes it a free lock, whoever may have held it: in a forked child the holder does
    /// not exist.
    ///
    /// # Safety
    /// The caller is the process's only thread.
    pub unsafe fn reset(&self) {
        // SAFETY: as the caller promises.
        unsafe { self.0.reset() };
    }
}

/// A value behind a [`RawLock`]. All zeros is a free lock over a `T` of zeros.
#[derive(Default)]
pub struct Locked<T, const RANK: u32> {
    lock: RawLock<RANK>,
    value: UnsafeCell<T>,
}

// SAFETY: `value` is only touched by the holder of `lock`.
unsafe impl<T, const RANK: u32> Sync for Locked<T, RANK> {}

impl<T, const RANK: u32> Locked<T, RANK> {
    /// `value` behind a free lock.
    pub const fn new(value: T) -> Self {
        Self {
            lock: RawLock::new(),
            value: UnsafeCell::new(value),
        }
    }

    /// Calls `act` with the lock held. The caller is critical; `act` does not park, and
    /// takes other locks only in their order.
    #[inline(always)]
    pub fn with<R>(&self, act: impl FnOnce(&mut T) -> R) -> R {
        self.lock.lock();
        // SAFETY: under the lock.
        let result = act(unsafe { &mut *self.value.get() });
        self.lock.unlock();
        result
    }

    /// Calls `act` with both locks held, which are not the same one.
    pub fn with_both<R>(&self, other: &Self, act: impl FnOnce(&mut T, &mut T) -> R) -> R {
        let is_first = ptr::from_ref(self) < ptr::from_ref(other);
        let (first, second) = if is_first {
            (self, other)
        } else {
            (other, self)
        };
        first.lock.lock();
        second.lock.lock_beside();
        // SAFETY: under the locks.
        let result = act(unsafe { &mut *self.value.get() }, unsafe {
            &mut *other.value.get()
        });
        second.lock.unlock();
        first.lock.unlock();
        result
    }

    /// [`with`](Self::with), unless somebody else holds the lock.
    #[inline(always)]
    pub fn try_with<R>(&self, act: impl FnOnce(&mut T) -> R) -> Option<R> {
        self.lock.try_lock().then(|| {
            // SAFETY: under the lock.
            let result = act(unsafe { &mut *self.value.get() });
            self.lock.unlock();
            result
        })
    }

    /// Whether nobody holds the lock or sleeps for it, for a forked child to ask.
    pub fn is_idle(&self) -> bool {
        self.lock.0.is_idle()
    }

    /// [`reset`](Self::reset) by `act`, which may find the value in the midst of a change.
    ///
    /// # Safety
    /// As for [`reset`](Self::reset).
    pub unsafe fn mend(&self, act: impl FnOnce(&mut T)) {
        // SAFETY: as the caller promises.
        unsafe {
            self.lock.reset();
            act(&mut *self.value.get());
        }
    }

    /// Makes it `value` behind a free lock, whoever may have held that: in a forked child
    /// the holder does not exist.
    ///
    /// # Safety
    /// Nobody else uses it: the caller is the process's only thread.
    pub unsafe fn reset(&self, value: T) {
        // SAFETY: as the caller promises. The old value may be inconsistent, and is
        // overwritten without being dropped.
        unsafe {
            self.lock.reset();
            self.value.get().write(value);
        }
    }
}
