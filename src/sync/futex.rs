//! The program's own private futexes, by which the standard libraries of Rust and C++ and many
//! others wait.
//!
//! Waiters stand in the queues of [`queue`](crate::wait::queue); a waiter that came by a raw system
//! call instruction stands in the kernel's, so wake-ups that find too few here go there, too.

use core::ptr;
use core::sync::atomic::{AtomicU32, Ordering};

use crate::sched::{park, wake};
use crate::signal::{Watch, cancel};
use crate::sys::clock::Instant;
use crate::sys::raw::syscall;
use crate::task::current;
use crate::task::seat::Seat;
use crate::task::word::{Cancellation, Wake};
use crate::wait::QUEUES;
use crate::wait::queue::Verdict;
use crate::wait::woken::Woken;

/// Waits until woken by somebody who asks for one of `bits`, while `word` has that `value`. A handler
/// with `SA_RESTART` ends that only if it `is_limited`.
pub(super) fn wait(
    word: &AtomicU32,
    value: u32,
    bits: u32,
    deadline: Instant,
    is_limited: bool,
) -> isize {
    let me = current();
    cancel::told(me, || {
        let watch = Watch::new(me);
        loop {
            // Under the queue's lock: a wake-up comes before the look or after
            // the thread is in the queue.
            let unchanged = || (word.load(Ordering::SeqCst) == value).then_some(bits);
            let ends = Cancellation::Asynchronous;
            let key = ptr::from_ref(word).addr();
            match park::on_address(key, deadline, ends, unchanged, || (), || ()) {
                None => return -(libc::EAGAIN as isize),
                Some(Wake::Timeout) => return -(libc::ETIMEDOUT as isize),
                Some(Wake::Interrupted) if watch.ends_futex_wait(is_limited) => {
                    return -(libc::EINTR as isize);
                }
                Some(Wake::Interrupted) => cancel::anywhere(),
                Some(_) => return 0,
            }
        }
    })
}

/// Wakes up to `limits.0` waiters of the one address and moves up to `limits.1` of the others to the
/// second, here or in the kernel, if the word has the value that is `expected`. How many that makes.
pub(super) fn requeue(
    from: usize,
    to: usize,
    limits: (usize, usize),
    expected: Option<(&AtomicU32, u32)>,
) -> isize {
    let holds = || expected.is_none_or(|(word, value)| word.load(Ordering::SeqCst) == value);
    let Some((woken, moved)) = wake::requeue(from, to, limits, holds) else {
        return -(libc::EAGAIN as isize);
    };
    let done = (woken + moved) as isize;
    let (to_wake, to_move) = (limits.0 - woken, limits.1 - moved);
    if (to_wake, to_move) == (0, 0) {
        return done;
    }
    let (operation, value) = match expected {
        Some((_, value)) => (libc::FUTEX_CMP_REQUEUE, value),
        None => (libc::FUTEX_REQUEUE, 0),
    };
    let operation = operation | libc::FUTEX_PRIVATE_FLAG;
    // SAFETY: the addresses are keys; a word that is compared is there, as the caller has seen.
    let more = unsafe { syscall!(SYS_futex, from, operation, to_wake, to_move, to, value) };
    done + more.max(0)
}

/// Wakes up to `count` waiters whose bit sets meet `bits`, here or in the kernel.
pub(super) fn wake_matching(word: usize, count: u32, bits: u32) -> isize {
    let limit = limit(count);
    let woken = wake::collecting(|woken| claim(woken, word, limit, bits));
    woken as isize + wake_in_kernel(word, limit - woken, bits)
}

/// Wakes up to so many waiters of the one word, and up to so many of the other, whatever their bit sets, here or in the
/// kernel. Nobody runs in between: who waits for both, by `futex_waitv`, is woken by both.
pub(super) fn wake_both(one: (usize, u32), other: (usize, u32)) -> isize {
    const ANY: u32 = u32::MAX;
    let words = [one, other].map(|(word, count)| (word, limit(count)));
    let woken = wake::collecting(|woken| words.map(|(word, limit)| claim(woken, word, limit, ANY)));
    let both = words.iter().zip(woken);
    both.map(|((word, limit), woken)| woken as isize + wake_in_kernel(*word, limit - woken, ANY))
        .sum()
}

/// The kernel wakes one even when asked for none or fewer (futex_wake).
fn limit(count: u32) -> usize {
    (count as i32).max(1) as usize
}

/// Claims up to `limit` waiters here; returns how many.
fn claim(woken: &mut Woken, word: usize, limit: usize, bits: u32) -> usize {
    let verdict = |node: &Seat, woken| {
        if woken == limit {
            return Verdict::Stop;
        }
        if node.tag() & bits == 0 {
            Verdict::Skip
        } else {
            Verdict::Wake(Wake::Ready)
        }
    };
    QUEUES.claim(word, woken, verdict, |count, _| count)
}

/// Wakes up to `count` waiters that stand in the kernel's queue.
fn wake_in_kernel(word: usize, count: usize, bits: u32) -> isize {
    if count == 0 {
        return 0;
    }
    let operation = libc::FUTEX_WAKE_BITSET | libc::FUTEX_PRIVATE_FLAG;
    // SAFETY: FUTEX_WAKE only uses the address as a key.
    let woken = unsafe { syscall!(SYS_futex, word, operation, count, 0, 0, bits) };
    woken.max(0)
}
