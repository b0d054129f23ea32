//! The program's own private futexes that name their owner: `FUTEX_LOCK_PI` and its kin (futex(2)).
//!
//! | word | meaning |
//! | --- | --- |
//! | 0 | free |
//! | an id | held by that thread, which gives it back without a call |
//! | an id, `FUTEX_WAITERS` | held; who gives it back makes a call |
//! | `FUTEX_OWNER_DIED` beside either | its owner has ended; the program clears that |
//!
//! The program writes the id that `gettid` gives it, which the kernel does not know. So the waiters
//! stand in the queues of [`queue`](crate::wait::queue), and a lock that is given back is handed to the first of them.
//! That inherits no priority. They are not those whom `FUTEX_WAKE` looks for.

use core::cell::Cell;
use core::sync::atomic::{AtomicU32, Ordering};

use libc::{FUTEX_TID_MASK, FUTEX_WAITERS};

use crate::sched::{park, wake};
use crate::signal::{Watch, cancel};
use crate::sys::clock::Instant;
use crate::sys::raw::syscall;
use crate::task::seat::Seat;
use crate::task::word::{Cancellation, Wake};
use crate::task::{current, green_by_id};
use crate::wait::queue::{Verdict, Waiters};
use crate::wait::woken::Woken;

/// The caller's id, as the program knows it.
fn own_id() -> u32 {
    let me = current();
    if me.is_green() {
        me.tid.load(Ordering::Relaxed) as u32
    } else {
        // SAFETY: no arguments.
        unsafe { syscall!(SYS_gettid) as u32 }
    }
}

/// Whether the process has a thread of that id.
fn is_known(id: u32) -> bool {
    let id = id as i32;
    // SAFETY: sends nothing.
    let kernel_knows = || unsafe { syscall!(SYS_tgkill, syscall!(SYS_getpid), id, 0) == 0 };
    green_by_id(id).is_some() || kernel_knows()
}

/// No thread's id: the lock is about to be handed over.
const NOBODY: u32 = FUTEX_TID_MASK;

/// Whether it names an owner, and has for a while, that the process does not have.
fn is_orphaned(word: &AtomicU32, own: u32) -> bool {
    let owner = || word.load(Ordering::SeqCst) & FUTEX_TID_MASK;
    let named = owner();
    // Who has ended meanwhile has given it back before.
    ![0, own, NOBODY].contains(&named) && !is_known(named) && owner() == named
}

/// Words lie at multiples of 4; who waits at the word itself does so by `FUTEX_WAIT`.
const OWNED: usize = 2;

fn key(word: &AtomicU32) -> usize {
    word.as_ptr().addr() | OWNED
}

/// What a thread finds that wants the lock.
enum Found {
    /// It has got it.
    Free,
    /// It has it.
    Own,
    /// Somebody else has.
    Held,
}

/// What a thread does that finds the lock held.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Otherwise {
    /// It waits, so whoever gives the lock back has to make a call.
    Wait,
    GiveUp,
}

/// Takes the lock for `own` if it is free.
fn take(word: &AtomicU32, own: u32, otherwise: Otherwise) -> Found {
    let mut value = word.load(Ordering::SeqCst);
    loop {
        let (new, found) = match value & FUTEX_TID_MASK {
            0 => (value | own, Found::Free),
            owner if owner == own => return Found::Own,
            _ if otherwise == Otherwise::Wait => (value | FUTEX_WAITERS, Found::Held),
            _ => return Found::Held,
        };
        match word.compare_exchange(value, new, Ordering::SeqCst, Ordering::SeqCst) {
            Ok(_) => return found,
            Err(now) => value = now,
        }
    }
}

/// `FUTEX_LOCK_PI` and `FUTEX_LOCK_PI2`.
pub fn lock(word: &AtomicU32, deadline: Instant) -> isize {
    let own = own_id();
    loop {
        if is_orphaned(word, own) {
            return -(libc::ESRCH as isize);
        }
        // Under the queue's lock, as who gives it back looks for waiters.
        let result = Cell::new(0);
        let is_held = || match take(word, own, Otherwise::Wait) {
            Found::Free => None,
            Found::Own => {
                result.set(-(libc::EDEADLK as isize));
                None
            }
            Found::Held => Some(own),
        };
        let ends = Cancellation::Asynchronous;
        match park::on_address(key(word), deadline, ends, is_held, || (), || ()) {
            None => return result.get(),
            Some(Wake::Granted) => return 0,
            Some(Wake::Timeout) => return -(libc::ETIMEDOUT as isize),
            // The kernel starts it again after any handler.
            Some(Wake::Interrupted) => cancel::anywhere(),
            Some(_) => {}
        }
    }
}

/// `FUTEX_TRYLOCK_PI`.
pub fn try_lock(word: &AtomicU32) -> isize {
    match take(word, own_id(), Otherwise::GiveUp) {
        Found::Free => 0,
        Found::Own => -(libc::EDEADLK as isize),
        Found::Held => -(libc::EAGAIN as isize),
    }
}

/// `FUTEX_UNLOCK_PI`.
pub fn unlock(word: &AtomicU32) -> isize {
    if word.load(Ordering::SeqCst) & FUTEX_TID_MASK != own_id() {
        return -(libc::EPERM as isize);
    }
    wake::at(key(word), |waiters, woken| hand_over(word, waiters, woken));
    0
}

/// Gives the lock, which nobody can take meanwhile, to the first who waits for it; it is free if there is nobody.
fn hand_over(word: &AtomicU32, mut waiters: Waiters<'_>, woken: &mut Woken) {
    // The word is the new owner's before he can know. Whose time was over a moment ago is passed over.
    let (count, remain) = waiters.claim(woken, |node, count| {
        if count > 0 {
            return Verdict::Stop;
        }
        word.store(node.tag() | FUTEX_WAITERS, Ordering::SeqCst);
        Verdict::Wake(Wake::Granted)
    });
    if count == 0 {
        word.store(0, Ordering::SeqCst);
    } else if !remain {
        word.fetch_and(!FUTEX_WAITERS, Ordering::SeqCst);
    }
}

/// `FUTEX_WAIT_REQUEUE_PI`: waits while `word` has that `value`, until somebody has moved the caller to a lock and
/// given it that.
pub fn wait_requeue(word: &AtomicU32, value: u32, deadline: Instant) -> isize {
    let own = own_id();
    let watch = Watch::new(current());
    loop {
        let key_at_end = Cell::new(0);
        // Under the lock of the queue that it stands in at the end.
        let left = || key_at_end.set(current().seat().key.load(Ordering::Relaxed));
        let unchanged = || (word.load(Ordering::SeqCst) == value).then_some(own);
        let ends = Cancellation::Asynchronous;
        match park::on_address(key(word), deadline, ends, unchanged, || (), left) {
            None => return -(libc::EAGAIN as isize),
            Some(Wake::Granted) => return 0,
            Some(Wake::Timeout) => return -(libc::ETIMEDOUT as isize),
            Some(Wake::Interrupted) => cancel::anywhere(),
            // Not by whom it waits for.
            Some(_) => return -(libc::EAGAIN as isize),
        }
        let now = key_at_end.get();
        if now != key(word) {
            // It waits for the lock, and begins anew only if nothing has happened
            // (futex_wait_requeue_pi in the kernel's futex/requeue.c).
            if watch.ends_futex_wait(true) {
                return -(libc::EAGAIN as isize);
            }
            // SAFETY: whoever has moved it there has seen that the word is there, and aligned.
            return lock(unsafe { &*((now & !OWNED) as *const AtomicU32) }, deadline);
        }
    }
}

/// `FUTEX_CMP_REQUEUE_PI`: if `word` has that `value`, moves up to `limit` who wait for it to `lock`, and gives it to
/// the first of them if it is free. How many were moved; `EINVAL` if nobody waits there in order to be.
pub fn requeue(word: &AtomicU32, value: u32, limit: usize, lock: &AtomicU32) -> isize {
    let unchanged = || word.load(Ordering::SeqCst) == value;
    let Some((_, moved)) = wake::requeue(key(word), key(lock), (0, limit), unchanged) else {
        return -(libc::EAGAIN as isize);
    };
    if moved > 0 {
        wake::at(key(lock), |waiters, woken| settle(lock, waiters, woken));
    } else if is_waited_at(word.as_ptr().addr()) {
        return -(libc::EINVAL as isize);
    }
    moved as isize
}

/// Whether somebody waits there by `FUTEX_WAIT`.
fn is_waited_at(word: usize) -> bool {
    let look = |_: &Seat, _| Verdict::Stop;
    wake::address(word, look, |_, remain| remain)
}

/// There are those who wait for the lock, of whom its owner does not know.
fn settle(word: &AtomicU32, waiters: Waiters<'_>, woken: &mut Woken) {
    match take(word, NOBODY, Otherwise::Wait) {
        Found::Free => hand_over(word, waiters, woken),
        Found::Own | Found::Held => {}
    }
}
