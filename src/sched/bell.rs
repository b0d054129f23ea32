//! The bell that ends the monitor's sleep.
//!
//! | state | meaning | a ring |
//! | --- | --- | --- |
//! | AWAKE | it looks around | RUNG: the next sleep does not take place |
//! | RUNG | somebody wants it | stays |
//! | PAUSING | it sleeps until the next look | RUNG, and the kernel wakes it |
//! | ASLEEP | it sleeps until it is needed | RUNG, and the kernel wakes it |

use core::time::Duration;

use crate::sys::atomic::{AtomicU32, Ordering, fence};
use crate::sys::futex;

const AWAKE: u32 = 0;
const RUNG: u32 = 1;
const PAUSING: u32 = 2;
const ASLEEP: u32 = 3;

/// See the module.
#[derive(Default)]
pub struct Bell(AtomicU32);

impl Bell {
    /// Nobody sleeps.
    #[cfg(not(model))]
    pub const fn new() -> Self {
        Self(AtomicU32::new(AWAKE))
    }

    /// Ends the sleep, or keeps the next one from taking place.
    #[cold]
    pub fn ring(&self) {
        // Release pairs with the Acquire in `wake_up`: what the monitor is wanted for.
        if self.0.swap(RUNG, Ordering::Release) >= PAUSING {
            futex::wake(core::ptr::from_ref(&self.0).cast(), 1);
        }
    }

    /// [`ring`](Self::ring), if it sleeps for longer than a pause. What it is needed for was
    /// written before.
    #[inline(always)]
    pub fn ring_if_asleep(&self) {
        // Pairs with the fence in `sleep`: the monitor sees what was written, or this sees
        // it asleep.
        fence(Ordering::SeqCst);
        if self.0.load(Ordering::Relaxed) == ASLEEP {
            self.ring();
        }
    }

    /// Sleeps for `limit`, unless it is rung for: true then.
    pub fn pause(&self, limit: Duration) -> bool {
        if self.lie_down(PAUSING) {
            futex::wait_for(&self.0, PAUSING, limit);
        }
        self.wake_up()
    }

    /// Sleeps until it is rung for, true then, unless `is_needed` says that it is needed
    /// already.
    pub fn sleep(&self, is_needed: impl FnOnce() -> bool) -> bool {
        if self.lie_down(ASLEEP) {
            fence(Ordering::SeqCst);
            if !is_needed() {
                while self.0.load(Ordering::Relaxed) == ASLEEP {
                    futex::wait(&self.0, ASLEEP);
                }
            }
        }
        self.wake_up()
    }

    fn lie_down(&self, how: u32) -> bool {
        self.0
            .compare_exchange(AWAKE, how, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }

    fn wake_up(&self) -> bool {
        self.0.swap(AWAKE, Ordering::Acquire) == RUNG
    }
}
