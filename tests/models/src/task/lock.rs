//! The runtime's lock, as a mutex of loom's.

use loom::cell::UnsafeCell;
use loom::sync::Mutex;

/// As the library's.
#[derive(Default)]
pub struct Locked<T, const RANK: u32> {
    lock: Mutex<()>,
    value: UnsafeCell<T>,
}

// SAFETY: `value` is only touched by the holder of `lock`.
unsafe impl<T, const RANK: u32> Sync for Locked<T, RANK> {}
// SAFETY: as above.
unsafe impl<T, const RANK: u32> Send for Locked<T, RANK> {}

impl<T, const RANK: u32> Locked<T, RANK> {
    /// `value` behind a free lock.
    pub fn new(value: T) -> Self {
        Self {
            lock: Mutex::new(()),
            value: UnsafeCell::new(value),
        }
    }

    /// Calls `act` with the lock held.
    pub fn with<R>(&self, act: impl FnOnce(&mut T) -> R) -> R {
        let _held = self.lock.lock().unwrap();
        // SAFETY: under the lock.
        self.value.with_mut(|value| act(unsafe { &mut *value }))
    }

    /// Calls `act` with both locks held, in the order of their addresses.
    pub fn with_both<R>(&self, other: &Self, act: impl FnOnce(&mut T, &mut T) -> R) -> R {
        if std::ptr::from_ref(self) < std::ptr::from_ref(other) {
            self.with(|one| other.with(|two| act(one, two)))
        } else {
            other.with(|two| self.with(|one| act(one, two)))
        }
    }

    /// [`with`](Self::with), unless somebody else holds the lock.
    pub fn try_with<R>(&self, act: impl FnOnce(&mut T) -> R) -> Option<R> {
        let _held = self.lock.try_lock().ok()?;
        // SAFETY: under the lock.
        Some(self.value.with_mut(|value| act(unsafe { &mut *value })))
    }

    /// Whether somebody holds the lock.
    pub fn is_locked(&self) -> bool {
        self.lock.try_lock().is_err()
    }

    /// As the library's; the models do not fork.
    pub fn is_idle(&self) -> bool {
        !self.is_locked()
    }

    /// As the library's; the models do not fork.
    ///
    /// # Safety
    /// Nobody else uses it.
    pub unsafe fn reset(&self, value: T) {
        self.with(|place| *place = value);
    }
}
