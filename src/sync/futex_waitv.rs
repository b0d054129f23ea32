//! `futex_waitv` (Linux 5.16, kernel/futex/syscalls.c and waitwake.c), which has no function in libc: a wait for any of
//! several words. Of private words the waiters are those of [`futex`](super::futex), as for the calls of
//! [`futex2`](super::futex2).
//!
//! What the kernel refuses is left to it, and so are words that processes share, also beside private ones.

use core::sync::atomic::{AtomicU32, Ordering};

use libc::{clockid_t, timespec};

use super::time;
use crate::arch::system_call::syscall6;
use crate::sched::several::{self, Ended};
use crate::signal::{Watch, cancel};
use crate::sys::clock::Instant;
use crate::sys::futex::Waited;
use crate::task::word::Cancellation;
use crate::task::{arguments, current};

/// Whether the kernel has the call, and no filter of system calls has anything against it.
fn is_there() -> bool {
    // SAFETY: no words, which it refuses.
    let result = unsafe { syscall6(libc::SYS_futex_waitv, 0, 0, 0, 0, 0, 0) };
    result == -(libc::EINVAL as isize)
}

/// `futex_waitv` with these arguments; `None` if it is the kernel's affair.
///
/// # Safety
/// The arguments are valid for it, where they are not refused.
pub unsafe fn wait(arguments: [usize; 6]) -> Option<isize> {
    if !is_there() {
        return None;
    }
    let watch = Watch::new(current());
    loop {
        // Each time, as the kernel does, which starts the call again as it was made.
        // SAFETY: as the caller promises.
        let (words, deadline) = unsafe { read(arguments)? };
        let result = match words.wait(deadline) {
            Ended::Woken(index) => index as isize,
            Ended::Invalid => -(libc::EAGAIN as isize),
            Ended::Timeout => -(libc::ETIMEDOUT as isize),
            Ended::NoMemory => -(libc::ENOMEM as isize),
            Ended::Interrupted if watch.ends_futex_wait(false) => -(libc::EINTR as isize),
            Ended::Interrupted => {
                cancel::anywhere();
                continue;
            }
        };
        return Some(result);
    }
}

/// What these arguments ask for, if that can be done here.
///
/// # Safety
/// As for [`wait`].
unsafe fn read([place, count, flags, limit, clock, _]: [usize; 6]) -> Option<(Words, Instant)> {
    let words = Words {
        place: place as *const Waited,
        count: count as u32 as usize,
    };
    if flags as u32 != 0 || !words.are_there() {
        return None;
    }
    // SAFETY: as the caller promises.
    let deadline = unsafe { time::futex_deadline(clock as clockid_t, limit as *const timespec)? };
    words.are_private().then_some((words, deadline))
}

/// The program's words to wait for.
struct Words {
    place: *const Waited,
    count: usize,
}

impl Words {
    /// Whether there are as many as the kernel takes, and [`at`](Self::at) can read them.
    fn are_there(&self) -> bool {
        let size = self.count.saturating_mul(size_of::<Waited>());
        (1..=Waited::MOST).contains(&self.count) && arguments::are_readable(self.place.addr(), size)
    }

    fn at(&self, index: usize) -> Waited {
        // SAFETY: one of those that are there.
        unsafe { self.place.add(index).read_unaligned() }
    }

    /// Whether the kernel finds nothing wrong with any of them, and all are of this process alone.
    fn are_private(&self) -> bool {
        (0..self.count).map(|index| self.at(index)).all(|waited| {
            let word = waited.address as *const u32;
            waited.flags == Waited::PRIVATE
                && waited.reserved == 0
                && u32::try_from(waited.expected).is_ok()
                && word.is_aligned()
                && arguments::is_readable_word(word)
        })
    }

    fn wait(&self, deadline: Instant) -> Ended {
        /// No bit set is asked for (futex_q_init).
        const ANY: u32 = u32::MAX;
        let unchanged = |index: usize| {
            let waited = self.at(index);
            // SAFETY: seen to be there, and aligned.
            let word = unsafe { &*(waited.address as *const AtomicU32) };
            (u64::from(word.load(Ordering::SeqCst)) == waited.expected).then_some(ANY)
        };
        let key = |index: usize| self.at(index).address as usize;
        let ends = Cancellation::Asynchronous;
        several::on_any(self.count, deadline, ends, key, unchanged)
    }
}
