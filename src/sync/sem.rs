//! Semaphores.
//!
//! | bits of the data | name | meaning |
//! | --- | --- | --- |
//! | 0–31 | VALUE | how often it can be taken |
//! | 32–63 | | how many wait, in units of WAITER |
//!
//! | transition | from | to |
//! | --- | --- | --- |
//! | to take it | VALUE above 0 | − 1; − WAITER as well by who has waited |
//! | to wait, or to give that up | any | + WAITER, − WAITER |
//! | to post | VALUE below its limit | + 1; one is woken if any wait |

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::sched::{park, wake};
use crate::signal::{Watch, cancel};
use crate::sys::clock::{Instant, NEVER};
use crate::task::current;
use crate::task::word::{Cancellation, Wake};

/// glibc's `struct new_sem` (sysdeps/nptl/internaltypes.h), 64-bit.
#[repr(C)]
pub struct Sem {
    /// The value below, the number of waiters above.
    data: AtomicU64,
    shared: AtomicU32,
}

const WAITER: u64 = 1 << 32;
const VALUE: u64 = WAITER - 1;
/// `SEM_VALUE_MAX`.
const MAX: u64 = i32::MAX as u64;

impl Sem {
    /// A semaphore of libgreen's own.
    pub const fn new(value: u32) -> Self {
        Self {
            data: AtomicU64::new(value as u64),
            shared: AtomicU32::new(0),
        }
    }

    /// Whether its value is `value`, and nobody waits.
    pub fn is_idle_at(&self, value: u32) -> bool {
        self.data.load(Ordering::Relaxed) == u64::from(value)
    }

    /// Whether it is shared between processes, and so glibc's affair.
    #[inline(always)]
    pub fn is_glibcs(&self) -> bool {
        self.shared.load(Ordering::Relaxed) != 0
    }

    fn key(&self) -> usize {
        self.data.as_ptr() as usize
    }

    /// Takes one, and `also` from the data.
    #[inline(always)]
    fn take(&self, also: u64) -> bool {
        let mut data = self.data.load(Ordering::Relaxed);
        while data & VALUE != 0 {
            // Acquire pairs with the Release in `post`.
            match self.data.compare_exchange_weak(
                data,
                data - 1 - also,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => data = now,
            }
        }
        false
    }

    /// `sem_trywait(3p)`: 0 or `-EAGAIN`.
    #[inline]
    pub fn try_wait(&self) -> isize {
        if self.take(0) {
            0
        } else {
            -(libc::EAGAIN as isize)
        }
    }

    /// `sem_wait(3p)`: 0 or `-EINTR`. A cancellation point.
    #[inline]
    pub fn wait(&self) -> isize {
        if self.take(0) {
            0
        } else {
            self.wait_slow(NEVER)
        }
    }

    /// `sem_clockwait`: 0, `-EINTR`, `-ETIMEDOUT`. A cancellation point.
    #[inline]
    pub fn wait_until(&self, deadline: Instant) -> isize {
        if self.take(0) {
            0
        } else {
            self.wait_slow(deadline)
        }
    }

    #[cold]
    fn wait_slow(&self, deadline: Instant) -> isize {
        let watch = Watch::new(current());
        self.data.fetch_add(WAITER, Ordering::Relaxed);
        loop {
            // Value and number of waiters share a word: `post` sees the one, or
            // this the other.
            let empty = || (self.data.load(Ordering::Relaxed) & VALUE == 0).then_some(0);
            let reason = park::on_address(
                self.key(),
                deadline,
                Cancellation::Point,
                empty,
                || (),
                || (),
            );
            // Whoever gets it leaves the semaphore at once: it may be gone then.
            if self.take(WAITER) {
                return 0;
            }
            let result = match reason {
                Some(Wake::Timeout) => -(libc::ETIMEDOUT as isize),
                Some(Wake::Interrupted) if watch.ends_futex_wait(deadline != NEVER) => {
                    -(libc::EINTR as isize)
                }
                Some(Wake::Interrupted) => {
                    self.data.fetch_sub(WAITER, Ordering::Relaxed);
                    cancel::point();
                    self.data.fetch_add(WAITER, Ordering::Relaxed);
                    continue;
                }
                _ => continue,
            };
            self.data.fetch_sub(WAITER, Ordering::Relaxed);
            cancel::point();
            return result;
        }
    }

    /// `sem_post(3p)`: 0 or `-EOVERFLOW`.
    #[inline]
    pub fn post(&self) -> isize {
        let key = self.key();
        let mut data = self.data.load(Ordering::Relaxed);
        loop {
            if data & VALUE == MAX {
                return -(libc::EOVERFLOW as isize);
            }
            match self.data.compare_exchange_weak(
                data,
                data + 1,
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => break,
                Err(now) => data = now,
            }
        }
        // From here on the semaphore may be gone: its address is a key only.
        if data >= WAITER {
            wake::up_to(key, 1);
        }
        0
    }
}
