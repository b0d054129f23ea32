//! Where the hub's descriptors are.
//!
//! They must not be in the way: a program gets the lowest free number, may count on
//! having all that its limit allows, and may put a file at any number. And they must not
//! be far out either: each fork copies the table of descriptors up to the highest one.
//! So they lie some way above the program's, move on when those come near, and go beyond
//! the limit, which counts only when a number is given out, when there is no room below.
//!
//! What the program may do to numbers at the same time is held off by [`hold`].

use core::sync::atomic::{AtomicI32, Ordering};

use super::eventfd;
use super::own::{self, COUNT, numbers};
use crate::sys::in_child::{in_child, restore};
use crate::sys::limit;
use crate::sys::raw::syscall;
use crate::task::lock::RawLock;
use crate::task::{Critical, rank};

/// So many numbers from `i32::MAX` down are too near. In a forked child [`close`] forgets it.
static NEAR: AtomicI32 = AtomicI32::new(0);
static LOCK: RawLock<{ rank::HUB_PLACE }> = RawLock::new();

/// The kernel's table of descriptors has a power of two of places. The hub is in the last
/// ones of a table that the program's own numbers fit in, of this many at least: not all
/// calls that make descriptors are ours (`fopen`), so it does not see each one come.
const SMALLEST: i32 = 256;
/// The hub moves when so many numbers are left between the program's and its own.
const MARGIN: i32 = 64;

/// Numbers of the program from `fd` on are too near.
fn set_near(fd: i32) {
    NEAR.store(i32::MAX - fd, Ordering::Relaxed);
}

/// While this lives the hub stays where it is, and so does the limit on descriptors.
pub struct Held(#[expect(dead_code, reason = "ends after the lock is free")] Critical);

impl Drop for Held {
    fn drop(&mut self) {
        LOCK.unlock();
    }
}

/// Keeps the hub from moving. Nobody parks meanwhile.
pub fn hold() -> Held {
    let critical = Critical::enter();
    LOCK.lock();
    Held(critical)
}

/// From here on the hub does not move, and the limit is the program's.
pub(super) fn lock() {
    LOCK.lock();
}

/// The end of [`lock`].
pub(super) fn unlock() {
    LOCK.unlock();
}

/// Whoever was opening the parent's hub is not there.
///
/// # Safety
/// The caller is the process's only thread.
unsafe fn free_lock() {
    // SAFETY: as the caller promises.
    unsafe { LOCK.reset() };
}

in_child!(always free_lock);

/// Whether the hub has to move for a program that uses `fd`.
#[inline(always)]
pub fn is_near(fd: i32) -> bool {
    i32::MAX - fd < NEAR.load(Ordering::Relaxed)
}

/// The program has got, or wants to have, the number `fd`: the hub moves out of its way.
#[cold]
pub fn make_room(fd: i32) {
    let held = hold();
    let occupied = own::all().any(|own| own == fd);
    if is_near(fd) || occupied {
        move_beyond(fd);
    }
    drop(held);
}

/// The program has changed its limit.
pub fn limit_changed(_: &Held) {
    let [epoll, ..] = numbers();
    if epoll >= 0 && limit::get().is_ok_and(|limit| limit.soft > epoll as u64) {
        // What was beyond reach is not any more.
        set_near((epoll - MARGIN).max(0));
    }
}

/// Finds a place for new descriptors, made by `make`; -1 for one that there is not.
pub(super) fn settle<E>(make: impl FnOnce() -> Result<[i32; COUNT], E>) -> Result<(), E> {
    let held = hold();
    let soft = limit::get().map_or(0, |limit| limit.soft);
    // Even if the program has used up what its limit allows.
    let made = limit::with_at_least(soft.saturating_add(COUNT as u64), make);
    // They have got the lowest free numbers.
    let result = made.map(|low| place(low, low.into_iter().fold(0, i32::max)));
    drop(held);
    result
}

/// Finds a place for the fourth one, which `make` makes when it is first needed: false where
/// there is none.
pub(super) fn settle_openings(make: impl FnOnce() -> i32) -> bool {
    let _held = hold();
    let [epoll, .., openings] = numbers();
    if openings >= 0 || epoll < 0 {
        return openings >= 0;
    }
    let soft = limit::get().map_or(0, |limit| limit.soft);
    let beyond = soft.max(epoll as u64 + 1).saturating_add(COUNT as u64);
    // Its place is left free after those of the others.
    let placed = limit::with_at_least(beyond, || match make() {
        -1 => -1,
        low => {
            let high = duplicate(low, epoll);
            close_own(low);
            high
        }
    });
    own::set_openings(placed.max(-1));
    placed >= 0
}

/// Closes all. Nobody else uses them.
#[unsafe(link_section = "green_fork")]
pub(super) fn close() {
    own::all().for_each(close_own);
    forget();
}

/// There is no hub, whatever is open.
pub fn forget() {
    own::forget();
    restore(&NEAR, 0);
}

/// Moves all beyond `fd`. The lock is held.
fn move_beyond(fd: i32) {
    let low = numbers();
    let [epoll, event, ..] = low;
    if epoll < 0 {
        return;
    }
    own::shut_out(|| eventfd::signal(event));
    place(low, fd);
    own::readmit();
    // On behalf of those who could not.
    eventfd::kick();
}

/// Moves `low` to where the program, which uses `fd`, does not come soon.
fn place(low: [i32; COUNT], fd: i32) {
    let soft = limit::get().map_or(u64::MAX, |limit| limit.soft);
    let count = COUNT as i32;
    let size = (fd.saturating_add(MARGIN) as u32 + COUNT as u32 + 1).next_power_of_two();
    let wanted = i32::try_from(size).unwrap_or(i32::MAX / 2).max(SMALLEST) - count;
    let beyond = i32::try_from(soft).unwrap_or(i32::MAX - count);
    let placed = if (wanted + count + MARGIN) as u64 <= soft {
        raise(low, wanted)
    } else if low.iter().all(|fd| *fd < 0 || *fd >= beyond) {
        Some(low)
    } else {
        limit::with_at_least(soft.saturating_add(COUNT as u64), || raise(low, beyond))
    };
    let placed = placed.or_else(|| {
        // The limit cannot be exceeded: as high as it allows.
        (0..=MARGIN).find_map(|below| raise(low, beyond - count - below))
    });
    let placed = placed.unwrap_or(low);
    own::set(placed);
    let lower = placed[0].min(placed[1]);
    set_near(if lower >= beyond {
        // The program comes here only if it raises its limit.
        lower
    } else if wanted <= lower {
        lower - MARGIN
    } else {
        // There is nowhere to go.
        i32::MAX
    });
}

/// Duplicates the descriptors to numbers from `floor` on and closes the old ones.
fn raise(low: [i32; COUNT], floor: i32) -> Option<[i32; COUNT]> {
    let high = low.map(|fd| match fd {
        -1 => -1,
        fd => duplicate(fd, floor),
    });
    if high
        .iter()
        .zip(low)
        .any(|(high, low)| *high < 0 && low >= 0)
    {
        high.into_iter().for_each(close_own);
        return None;
    }
    low.into_iter().for_each(close_own);
    Some(high)
}

/// A number from `floor` on for the file of `fd`, or `-errno`.
fn duplicate(fd: i32, floor: i32) -> i32 {
    // SAFETY: duplicates our own descriptor.
    unsafe { syscall!(SYS_fcntl, fd, libc::F_DUPFD_CLOEXEC, floor.max(0)) as i32 }
}

/// Closes one of our own, if there is one.
fn close_own(fd: i32) {
    if fd >= 0 {
        // SAFETY: our own descriptor.
        unsafe { syscall!(SYS_close, fd) };
    }
}
