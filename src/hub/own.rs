//! The hub's own descriptors: what their numbers are, and how they are added to its epoll.
//!
//! The numbers change: [`place`](super::place) moves them out of the program's way. Whoever uses them
//! does so inside [`with`] or [`try_with`]; who moves them waits until nobody does.

use core::sync::atomic::{AtomicI32, AtomicU32, Ordering};

use crate::sys::in_child::restore;
use crate::sys::raw::syscall;

/// So many can there be.
pub const COUNT: usize = 4;

/// Epoll, eventfd, signalfd, inotify: one more than the number, 0 where there is none. (What a
/// fork touches is all zeros at first, so that it lies together.) In a forked child [`forget`]
/// clears them.
static NUMBERS: [AtomicI32; COUNT] = [const { AtomicI32::new(0) }; COUNT];
/// How many use the numbers, and [`MOVING`]. In a forked child [`forget`] says that nobody does.
static USERS: AtomicU32 = AtomicU32::new(0);

const MOVING: u32 = 1 << 31;

/// The token of the [eventfd](super::eventfd).
pub(super) const KICK: u64 = u64::MAX;
/// That of the [signalfd](super::signals).
pub(super) const SIGNALS: u64 = u64::MAX - 1;
/// That of the one that tells of [openings](super::openings): the lowest of these.
pub(super) const OPENINGS: u64 = u64::MAX - 2;

/// The numbers, -1 where there is none.
pub(super) fn numbers() -> [i32; COUNT] {
    [0, 1, 2, 3].map(|index: usize| NUMBERS[index].load(Ordering::Relaxed) - 1)
}

/// Runs `act` with the numbers of epoll and eventfd, unless they are being moved; whoever
/// does that kicks the hub afterwards.
#[inline]
pub(super) fn try_with<R>(act: impl FnOnce(i32, i32) -> R) -> Option<R> {
    // Acquire pairs with the end of a move: the numbers are the new ones.
    let free = USERS.fetch_add(1, Ordering::AcqRel) & MOVING == 0;
    let result = free.then(|| {
        let [epoll, event, ..] = numbers();
        act(epoll, event)
    });
    // Release: the numbers are not used any more.
    USERS.fetch_sub(1, Ordering::Release);
    result
}

/// The third number, for whoever is inside [`with`].
pub(super) fn signals() -> i32 {
    let [_, _, signals, _] = numbers();
    signals
}

/// The fourth number, likewise.
pub(super) fn openings() -> i32 {
    let [.., openings] = numbers();
    openings
}

/// Whether there is the fourth.
#[inline(always)]
pub(super) fn has_openings() -> bool {
    openings() >= 0
}

/// [`try_with`], after a move that is under way. Not in signal handlers, which may have
/// interrupted a user.
#[inline]
pub(super) fn with<R>(mut act: impl FnMut(i32, i32) -> R) -> R {
    loop {
        if let Some(result) = try_with(&mut act) {
            return result;
        }
        // SAFETY: no arguments.
        unsafe { syscall!(SYS_sched_yield) };
    }
}

/// The hub's descriptors, as far as there are any: the program must not touch them.
pub fn all() -> impl Iterator<Item = i32> {
    numbers().into_iter().filter(|fd| *fd >= 0)
}

/// They are these from here on, -1 for one that there is not. Nobody uses them.
pub(super) fn set(numbers: [i32; COUNT]) {
    for (number, fd) in NUMBERS.iter().zip(numbers) {
        number.store(fd + 1, Ordering::Relaxed);
    }
}

/// The fourth one is `fd`, -1 if there is none.
pub(super) fn set_openings(fd: i32) {
    let [.., number] = &NUMBERS;
    number.store(fd + 1, Ordering::Relaxed);
}

/// Lets nobody use the numbers until [`readmit`], once all have left who do: who waits in the hub is
/// one, whom `nudge` makes leave.
pub(super) fn shut_out(nudge: impl Fn()) {
    // SeqCst: who comes later sees this, who came before is seen below.
    USERS.fetch_or(MOVING, Ordering::SeqCst);
    while USERS.load(Ordering::SeqCst) != MOVING {
        nudge();
        // SAFETY: no arguments.
        unsafe { syscall!(SYS_sched_yield) };
    }
}

/// The end of [`shut_out`].
pub(super) fn readmit() {
    USERS.fetch_and(!MOVING, Ordering::Release);
}

/// Adds `fd`, one of the hub's own, to `epoll`: 0 or `-errno`.
pub(super) fn add(epoll: i32, fd: i32, events: i32, token: u64) -> isize {
    let mut interest = libc::epoll_event {
        events: events as u32,
        u64: token,
    };
    // SAFETY: `interest` is live.
    unsafe {
        syscall!(
            SYS_epoll_ctl,
            epoll,
            libc::EPOLL_CTL_ADD,
            fd,
            &raw mut interest
        )
    }
}

/// There are none, and nobody uses them.
pub(super) fn forget() {
    for number in &NUMBERS {
        restore(number, 0);
    }
    restore(&USERS, 0);
}
