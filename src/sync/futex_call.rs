//! `syscall(SYS_futex, …)`: what it is asked for, and whether that is here or in the kernel.

use core::sync::atomic::{AtomicU32, Ordering};

use libc::timespec;

use super::futex::{requeue, wait, wake_both, wake_matching};
use super::{futex_pi, time};
use crate::sys::clock::{self, Instant, NEVER};
use crate::task::arguments;

/// The arguments of `futex(2)` after the operation.
pub struct Call {
    /// The futex word.
    pub word: usize,
    /// `FUTEX_WAIT` and so on, with its flags.
    pub operation: i32,
    /// The third argument.
    pub value: u32,
    /// The fourth: a time-out or a second value.
    pub fourth: usize,
    /// The fifth: a second futex word.
    pub second: usize,
    /// The sixth: a bit set or a third value.
    pub third_value: u32,
}

const COMMAND: i32 = !(libc::FUTEX_PRIVATE_FLAG | libc::FUTEX_CLOCK_REALTIME);
const ANY: u32 = u32::MAX;

fn invalid() -> isize {
    -(libc::EINVAL as isize)
}

/// Whether `address` can be that of a futex word, there or not.
fn is_name(address: usize) -> bool {
    /// Addresses from here on are the kernel's.
    const END: usize = 1 << 47;
    address != 0 && address < END && address.is_multiple_of(4)
}

impl Call {
    /// Carries the operation out; `None` if it is the kernel's affair.
    ///
    /// # Safety
    /// As for `futex`.
    pub unsafe fn run(&self) -> Option<isize> {
        if self.operation & libc::FUTEX_PRIVATE_FLAG == 0
            || !is_name(self.word)
            || !self.is_reachable()
        {
            return None;
        }
        // SAFETY: as the caller promises, here and below.
        unsafe {
            match self.operation & COMMAND {
                libc::FUTEX_WAIT => Some(self.wait_bitset(ANY, self.relative())),
                libc::FUTEX_WAIT_BITSET => {
                    Some(self.wait_bitset(self.third_value, self.absolute()))
                }
                libc::FUTEX_WAKE => Some(self.wake_bitset(ANY)),
                libc::FUTEX_WAKE_BITSET => Some(self.wake_bitset(self.third_value)),
                libc::FUTEX_REQUEUE => Some(self.requeue(None)),
                libc::FUTEX_CMP_REQUEUE => Some(self.requeue(Some(self.third_value))),
                libc::FUTEX_WAKE_OP => Some(self.wake_op()),
                _ => self.run_with_owner(),
            }
        }
    }

    /// [`run`](Self::run), of those whose word names its owner.
    ///
    /// # Safety
    /// As for `futex`; what is looked at is there.
    unsafe fn run_with_owner(&self) -> Option<isize> {
        let command = self.operation & COMMAND;
        let is_realtime = self.operation & libc::FUTEX_CLOCK_REALTIME != 0;
        // SAFETY: as the caller promises.
        let (deadline, takes_clock) = unsafe {
            match command {
                libc::FUTEX_LOCK_PI => (self.until(libc::CLOCK_REALTIME), false),
                libc::FUTEX_LOCK_PI2 | libc::FUTEX_WAIT_REQUEUE_PI => (self.absolute(), true),
                _ => (Ok(NEVER), false),
            }
        };
        // The kernel refuses the others.
        let deadline = deadline.ok().filter(|_| takes_clock || !is_realtime)?;
        // SAFETY: seen to be there, and aligned.
        let second = || unsafe { &*(self.second as *const AtomicU32) };
        match command {
            libc::FUTEX_LOCK_PI | libc::FUTEX_LOCK_PI2 => {
                Some(futex_pi::lock(self.word(), deadline))
            }
            libc::FUTEX_TRYLOCK_PI => Some(futex_pi::try_lock(self.word())),
            libc::FUTEX_UNLOCK_PI => Some(futex_pi::unlock(self.word())),
            libc::FUTEX_WAIT_REQUEUE_PI if self.word != self.second => {
                Some(futex_pi::wait_requeue(self.word(), self.value, deadline))
            }
            libc::FUTEX_CMP_REQUEUE_PI if self.word != self.second && self.value == 1 => {
                let limit = usize::try_from(self.fourth as i32).ok()? + 1;
                let value = self.third_value;
                Some(futex_pi::requeue(self.word(), value, limit, second()))
            }
            _ => None,
        }
    }

    /// Of a wait that [`run`](Self::run) leaves to the kernel: its deadline. `None` for other operations,
    /// and where the kernel refuses it.
    ///
    /// # Safety
    /// As for `futex`.
    pub unsafe fn deadline_in_kernel(&self) -> Option<Instant> {
        if !is_name(self.word) || !self.is_reachable() {
            return None;
        }
        // SAFETY: as the caller promises.
        unsafe {
            match self.operation & COMMAND {
                libc::FUTEX_WAIT => self.relative().ok(),
                libc::FUTEX_WAIT_BITSET if self.third_value != 0 => self.absolute().ok(),
                _ => None,
            }
        }
    }

    /// Of such a one: whether the word still has the value to wait at.
    pub fn is_unchanged(&self) -> bool {
        self.word().load(Ordering::SeqCst) == self.value
    }

    /// Whether everything that the operation looks at is there. What is not, the
    /// kernel refuses.
    fn is_reachable(&self) -> bool {
        let word = || arguments::is_readable_word(self.word as *const u32);
        let is_writable = |word: usize| arguments::is_writable_word(word as *mut u32);
        let time = self.fourth as *const timespec;
        match self.operation & COMMAND {
            libc::FUTEX_WAIT | libc::FUTEX_WAIT_BITSET => {
                (time.is_null() || arguments::is_readable(time)) && word()
            }
            libc::FUTEX_REQUEUE => is_name(self.second),
            libc::FUTEX_CMP_REQUEUE => is_name(self.second) && word(),
            libc::FUTEX_WAKE_OP => is_name(self.second) && is_writable(self.second),
            libc::FUTEX_LOCK_PI | libc::FUTEX_LOCK_PI2 => {
                (time.is_null() || arguments::is_readable(time)) && is_writable(self.word)
            }
            libc::FUTEX_TRYLOCK_PI | libc::FUTEX_UNLOCK_PI => is_writable(self.word),
            libc::FUTEX_WAIT_REQUEUE_PI => {
                (time.is_null() || arguments::is_readable(time)) && word() && is_name(self.second)
            }
            libc::FUTEX_CMP_REQUEUE_PI => {
                word() && is_name(self.second) && is_writable(self.second)
            }
            _ => true,
        }
    }

    unsafe fn time(&self) -> Option<&timespec> {
        // SAFETY: null or readable, see `is_reachable`.
        unsafe { (self.fourth as *const timespec).as_ref() }
    }

    unsafe fn relative(&self) -> Result<Instant, i32> {
        // SAFETY: as the caller promises.
        match unsafe { self.time() } {
            None => Ok(NEVER),
            Some(time) if clock::is_valid(time) && time.tv_sec >= 0 => {
                Ok(clock::after(clock::to_nanos(time)))
            }
            Some(_) => Err(libc::EINVAL),
        }
    }

    unsafe fn absolute(&self) -> Result<Instant, i32> {
        let clock = if self.operation & libc::FUTEX_CLOCK_REALTIME != 0 {
            libc::CLOCK_REALTIME
        } else {
            libc::CLOCK_MONOTONIC
        };
        // SAFETY: as the caller promises.
        unsafe { self.until(clock) }
    }

    unsafe fn until(&self, clock: libc::clockid_t) -> Result<Instant, i32> {
        // SAFETY: as the caller promises.
        match unsafe { self.time() } {
            None => Ok(NEVER),
            Some(time) if time.tv_sec < 0 => Err(libc::EINVAL),
            // SAFETY: a valid reference.
            Some(time) => unsafe { time::deadline(clock, time) },
        }
    }

    fn word(&self) -> &AtomicU32 {
        // SAFETY: `run` has seen that it is there, and aligned.
        unsafe { &*(self.word as *const AtomicU32) }
    }

    fn wait_bitset(&self, bits: u32, deadline: Result<Instant, i32>) -> isize {
        let (Ok(deadline), true) = (deadline, bits != 0) else {
            return invalid();
        };
        wait(self.word(), self.value, bits, deadline, deadline != NEVER)
    }

    fn wake_bitset(&self, bits: u32) -> isize {
        if bits == 0 {
            return invalid();
        }
        wake_matching(self.word, self.value, bits)
    }

    fn requeue(&self, expected: Option<u32>) -> isize {
        let (woken, moved) = (self.value as i32, self.fourth as i32);
        if woken < 0 || moved < 0 {
            return invalid();
        }
        let expected = expected.map(|value| (self.word(), value));
        let limits = (woken as usize, moved as usize);
        requeue(self.word, self.second, limits, expected)
    }

    /// `FUTEX_WAKE_OP`: changes the second word, wakes waiters of the first, and,
    /// if the old value of the second compares, waiters of that.
    fn wake_op(&self) -> isize {
        // SAFETY: `run` has seen that it is there, and aligned.
        let second = unsafe { &*(self.second as *const AtomicU32) };
        let code = self.third_value;
        let (operation, compare) = (code >> 28 & 7, code >> 24 & 15);
        // Both arguments are 12 bits, signed.
        let (argument, operand) = ((code << 8) as i32 >> 20, (code << 20) as i32 >> 20);
        let argument = if code >> 31 != 0 {
            1 << (argument & 31)
        } else {
            argument
        } as u32;
        let old = match operation {
            0 => second.swap(argument, Ordering::SeqCst),
            1 => second.fetch_add(argument, Ordering::SeqCst),
            2 => second.fetch_or(argument, Ordering::SeqCst),
            3 => second.fetch_and(!argument, Ordering::SeqCst),
            4 => second.fetch_xor(argument, Ordering::SeqCst),
            _ => return -(libc::ENOSYS as isize),
        } as i32;
        let also = match compare {
            0 => old == operand,
            1 => old != operand,
            2 => old < operand,
            3 => old <= operand,
            4 => old > operand,
            5 => old >= operand,
            _ => return -(libc::ENOSYS as isize),
        };
        if also {
            wake_both((self.word, self.value), (self.second, self.fourth as u32))
        } else {
            wake_matching(self.word, self.value, ANY)
        }
    }
}
