//! The runtime's lock, where there is one thread.

use core::cell::UnsafeCell;

/// As the library's.
#[derive(Default)]
pub struct Locked<T, const RANK: u32>(UnsafeCell<T>);

// SAFETY: the properties are checked by one thread each, on values of its own.
unsafe impl<T, const RANK: u32> Sync for Locked<T, RANK> {}

impl<T, const RANK: u32> Locked<T, RANK> {
    /// `value` behind a free lock.
    pub const fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    /// Calls `act`.
    pub fn with<R>(&self, act: impl FnOnce(&mut T) -> R) -> R {
        // SAFETY: one thread, and `act` does not come back here.
        act(unsafe { &mut *self.0.get() })
    }

    /// Calls `act`.
    pub fn with_both<R>(&self, other: &Self, act: impl FnOnce(&mut T, &mut T) -> R) -> R {
        self.with(|one| other.with(|two| act(one, two)))
    }

    /// Calls `act`: nobody else holds the lock.
    pub fn try_with<R>(&self, act: impl FnOnce(&mut T) -> R) -> Option<R> {
        Some(self.with(act))
    }

    /// As the library's; the models do not fork.
    pub fn is_idle(&self) -> bool {
        !self.is_locked()
    }

    /// Whether somebody holds the lock.
    pub fn is_locked(&self) -> bool {
        false
    }

    /// As the library's.
    ///
    /// # Safety
    /// Nobody else uses it.
    pub unsafe fn reset(&self, value: T) {
        self.with(|place| *place = value);
    }
}
