//! FIFOs that are being opened, and who waits there until somebody opens the other end, of which the hub
//! [learns](super::openings).
//!
//! Whoever opens one has its descriptor already, which does not block, and parks at it
//! ([`ops::open`](crate::ops::open)). The table has an entry for each such number. Who is
//! woken looks for himself; an opening may be of the same end. Of readers that have gone again
//! writers are told, too, who could not see that ([`had_visitor`]).

use core::ffi::c_char;
use core::sync::atomic::{AtomicI32, AtomicU32, Ordering};
use std::io::Write;

use super::descriptor;
use super::openings::{self, Event};
use crate::sys::in_child::{in_child, restore};
use crate::sys::raw::syscall;
use crate::task::lock::RawLock;
use crate::task::rank;
use crate::wait::woken::Woken;

/// Numbers from here on are not waited for.
const SIZE: usize = 1 << 16;
/// In the table: opened, and nobody tells of openings yet.
const UNWATCHED: i32 = -1;
/// In the table, beside a watch: somebody has closed the FIFO who had it for reading.
const VISITED: i32 = openings::END;

#[repr(align(4096))]
struct Table([AtomicI32; SIZE]);

/// What is known of each number: 0 if it is not being opened, [`UNWATCHED`], or the inotify watch
/// of its FIFO, which all who open that one have, and perhaps [`VISITED`]. [`reset`] closes the
/// numbers in a forked child.
#[unsafe(link_section = ".llvm.linkonce.b.tables")]
static WATCHES: Table = Table([const { AtomicI32::new(0) }; SIZE]);
/// The entries beyond are all 0. [`reset`] sets it back in a forked child.
static END: AtomicU32 = AtomicU32::new(0);
/// Held while an entry is made or given up, with the descriptor or the watch behind it.
static LOCK: RawLock<{ rank::FIFOS }> = RawLock::new();

/// No number is being opened: a forked child has no business with those of its parent, and one
/// that shares the descriptors must not touch them.
pub fn forget() {
    for number in numbers() {
        WATCHES.0[number as usize].store(0, Ordering::Relaxed);
    }
    restore(&END, 0);
}

/// Closes what other threads were opening: their calls have not returned.
///
/// # Safety
/// The caller is the process's only thread.
unsafe fn reset() {
    // SAFETY: as the caller promises; nobody has been given the numbers.
    unsafe {
        LOCK.reset();
        for number in numbers() {
            syscall!(SYS_close, number);
        }
    }
    forget();
}

in_child!(reset);

/// Keeps entries from being made or given up, for the length of a fork.
pub(super) fn lock() {
    LOCK.lock();
}

/// The end of [`lock`].
pub(super) fn unlock() {
    LOCK.unlock();
}

/// The numbers that are being opened.
fn numbers() -> impl Iterator<Item = i32> {
    let end = END.load(Ordering::Acquire) as usize;
    let entries = WATCHES.0[..end].iter().zip(0..);
    entries.filter_map(|(watch, number)| (watch.load(Ordering::SeqCst) != 0).then_some(number))
}

fn numbers_of(watch: i32) -> impl Iterator<Item = i32> {
    numbers().filter(move |number| {
        // SeqCst: who has put it there looks for the other end afterwards.
        WATCHES.0[*number as usize].load(Ordering::SeqCst) & !VISITED == watch
    })
}

fn entry(number: i32) -> Option<&'static AtomicI32> {
    WATCHES.0.get(usize::try_from(number).ok()?)
}

/// Nobody begins, ends or looks [alone] meanwhile, and nothing is told.
pub fn alone<R>(act: impl FnOnce() -> R) -> R {
    LOCK.during(act)
}

/// Opens a FIFO by `open`, which returns a number or `-errno`. Until the number is
/// [let go](end) or [closed](close) forked children do not get it.
pub fn begin(open: impl FnOnce() -> isize) -> isize {
    alone(|| {
        let number = open();
        enter(number as i32);
        number
    })
}

/// A number of the file of `fd` that no child gets, or `-errno`. The caller is [alone].
pub fn duplicate(fd: i32) -> i32 {
    // SAFETY: numbers are no memory.
    let number = unsafe { syscall!(SYS_fcntl, fd, libc::F_DUPFD_CLOEXEC, 0) as i32 };
    enter(number);
    number
}

/// The lock is held.
fn enter(number: i32) {
    if let Some(entry) = entry(number) {
        entry.store(UNWATCHED, Ordering::Relaxed);
        END.fetch_max(number as u32 + 1, Ordering::Release);
    }
}

/// From here on who waits to read from `number` is woken when its FIFO is opened: false if nobody
/// can tell of that.
pub fn watch(number: i32) -> bool {
    alone(|| add_watch(number, libc::IN_OPEN))
}

/// [`begin`] and [`watch`] for somebody who is going to wait for a reader: from before `open`, which
/// returns a number for reading and writing, what happens to the FIFO at `path`, where links are
/// followed or not, is noted. `None` if that cannot be done. The caller is [alone]; `woken` are told
/// what has happened before.
///
/// # Safety
/// `path` is a C string.
pub unsafe fn begin_writer(
    path: *const c_char,
    follows: bool,
    open: impl FnOnce() -> i32,
    woken: &mut Woken,
) -> Option<i32> {
    const EVENTS: u32 = libc::IN_OPEN | libc::IN_CLOSE_NOWRITE;
    take_note(woken);
    // A descriptor for the file would tell of its own end as of a reader's.
    let follow = if follows { 0 } else { libc::IN_DONT_FOLLOW };
    // SAFETY: as the caller promises.
    let before = unsafe { openings::watch(path, EVENTS | follow) }?;
    let number = open();
    if number >= 0 {
        enter(number);
        if add_watch(number, EVENTS) && is_at(number, before) {
            return Some(number);
        }
        tell_all(&close_alone(number), woken);
    }
    forget_watch(before);
    None
}

fn is_at(number: i32, watch: i32) -> bool {
    numbers_of(watch).any(|other| other == number)
}

/// Whether a reader has come and gone since [`begin_writer`].
pub fn had_visitor(number: i32) -> bool {
    let entry = entry(number).map_or(0, |entry| entry.load(Ordering::Relaxed));
    entry > 0 && entry & VISITED != 0
}

/// Where the file behind `number` can be opened once more: a C string.
pub fn path_of(number: i32) -> [u8; 40] {
    // Longer than what is written to it.
    let mut path = [0; 40];
    let _ = write!(&mut path[..], "/proc/thread-self/fd/{number}");
    path
}

/// Watches the FIFO behind `number`, unless that cannot be done. The lock is held.
fn add_watch(number: i32, events: u32) -> bool {
    let Some(entry) = entry(number) else {
        return false;
    };
    if entry.load(Ordering::Relaxed) == UNWATCHED {
        let path = path_of(number);
        // SAFETY: a C string.
        if let Some(watch) = unsafe { openings::watch(path.as_ptr().cast(), events) } {
            entry.store(watch, Ordering::SeqCst);
        }
    }
    entry.load(Ordering::Relaxed) > 0
}

/// The watch ends, if it is nobody's. The lock is held.
fn forget_watch(watch: i32) {
    if watch > 0 && numbers_of(watch).next().is_none() {
        openings::unwatch(watch);
    }
}

/// A FIFO's watch, whose other waiters have to be [told](tell_all).
#[must_use]
pub struct Watch(i32);

/// The number is open, and everybody's.
pub fn end(number: i32) -> Watch {
    alone(|| give_up(number))
}

/// Closes it.
pub fn close(number: i32) -> Watch {
    alone(|| close_alone(number))
}

/// [`close`] by a caller who is [alone].
pub fn close_alone(number: i32) -> Watch {
    // SAFETY: a descriptor that nobody has been given.
    unsafe { syscall!(SYS_close, number) };
    give_up(number)
}

/// The lock is held.
fn give_up(number: i32) -> Watch {
    let entry = entry(number).map_or(0, |entry| entry.swap(0, Ordering::Relaxed));
    let watch = if entry > 0 { entry & !VISITED } else { 0 };
    forget_watch(watch);
    Watch(watch)
}

/// Has all look who wait for the same FIFO: what was to be told to one of them may have been told
/// to the one that does not wait any more.
pub fn tell_all(watch: &Watch, woken: &mut Woken) {
    if watch.0 > 0 {
        numbers_of(watch.0).for_each(|number| descriptor::tell(number, woken));
    }
}

/// Takes note of what was opened, and has one look of those who wait for each. The caller is
/// critical.
pub(super) fn collect(woken: &mut Woken) {
    alone(|| take_note(woken));
}

/// [`collect`], with the lock held.
fn take_note(woken: &mut Woken) {
    openings::take(|event| match event {
        // Whoever it was may have gone again.
        Event::Lost => numbers().for_each(|number| note_visit(number, woken)),
        Event::Closed(watch) => {
            numbers_of(watch).for_each(|number| note_visit(number, woken));
        }
        Event::Opened(watch) => {
            if let Some(number) = numbers_of(watch).next() {
                descriptor::tell(number, woken);
            }
        }
    });
}

/// Whoever waits at `number` for a reader has had one. The lock is held.
fn note_visit(number: i32, woken: &mut Woken) {
    let entry = &WATCHES.0[number as usize];
    if entry.load(Ordering::Relaxed) > 0 {
        entry.fetch_or(VISITED, Ordering::Relaxed);
    }
    descriptor::tell(number, woken);
}
