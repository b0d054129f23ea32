//! The entries of all numbers.
//!
//! ```text
//! | entries, 128 bytes each, 32 to a page | marks: a bit for each page of entries |
//! ```
//!
//! One mapping, which a forked child finds zeroed: there nobody waits, nothing is
//! registered, nothing is known. An unmarked page has only fresh entries.

use core::mem::size_of;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use super::sharing::{self, Moment};
use super::{Descriptor, KNOWN, Next, early};
use crate::hub::place;
use crate::sys::in_child::{in_child, restore};
use crate::sys::open_files;
use crate::sys::pages::{self, PAGE};
use crate::wait::woken::Woken;

/// The table reserves this many entries; descriptors beyond block natively.
const CAPACITY: usize = 1 << 20;
const PER_PAGE: usize = PAGE / size_of::<Descriptor>();
const PAGES: usize = CAPACITY / PER_PAGE;
const MARKS: usize = PAGES / 64;
const SIZE: usize = CAPACITY * size_of::<Descriptor>() + MARKS * size_of::<AtomicU64>();

/// The mapping, once there is one.
static MEMORY: AtomicPtr<Descriptor> = AtomicPtr::new(ptr::null_mut());
/// The same, while green threads run.
static DESCRIPTORS: AtomicPtr<Descriptor> = AtomicPtr::new(ptr::null_mut());

/// Sets the table up, all entries fresh: before the first green thread.
pub fn init() -> Result<(), i32> {
    let mut table = MEMORY.load(Ordering::Relaxed);
    if table.is_null() {
        let memory = pages::reserve_sparse(SIZE).ok_or(libc::ENOMEM)?;
        // SAFETY: fresh memory, not in use.
        unsafe { pages::wipe_on_fork(memory, SIZE) };
        table = memory.cast();
        MEMORY.store(table, Ordering::Relaxed);
    }
    DESCRIPTORS.store(table, Ordering::Release);
    Ok(())
}

/// The program has locked all memory: most of the table is never used.
pub fn unlock() {
    let memory = MEMORY.load(Ordering::Relaxed);
    if !memory.is_null() {
        // SAFETY: the table.
        unsafe { pages::unlock(memory.cast(), SIZE) };
    }
}

/// In a forked child there is no table until it starts green threads of its own.
///
/// # Safety
/// The caller is the process's only thread.
unsafe fn reset() {
    restore(&DESCRIPTORS, ptr::null_mut());
    let memory = MEMORY.load(Ordering::Relaxed);
    if !memory.is_null() {
        // SAFETY: nobody uses the entries of the parent.
        unsafe { pages::wipe_if_copied(memory.cast(), SIZE) };
    }
}

in_child!(reset);

/// The entry at `index` and the word of its page's mark.
///
/// # Safety
/// `table` is the mapping, and `index` less than `CAPACITY`.
#[inline(always)]
unsafe fn at(table: *mut Descriptor, index: usize) -> (&'static Descriptor, &'static AtomicU64) {
    // SAFETY: within the mapping, which is never unmapped; zeroed memory is a valid
    // entry, and no mark.
    unsafe {
        let marks = table.add(CAPACITY).cast::<AtomicU64>();
        (&*table.add(index), &*marks.add(index / PER_PAGE / 64))
    }
}

#[inline(always)]
fn mark_of(index: usize) -> u64 {
    1 << (index / PER_PAGE % 64)
}

/// The entry of `fd`; `None` for numbers that cannot be descriptors of the
/// program or that lie beyond the table.
#[inline(always)]
pub fn get(fd: i32) -> Option<&'static Descriptor> {
    let table = DESCRIPTORS.load(Ordering::Acquire);
    let index = fd as u32 as usize;
    if table.is_null() || index >= CAPACITY {
        return None;
    }
    // SAFETY: just checked.
    let (entry, marks) = unsafe { at(table, index) };
    if marks.load(Ordering::Relaxed) & mark_of(index) == 0 {
        marks.fetch_or(mark_of(index), Ordering::Relaxed);
    }
    Some(entry)
}

/// The entry of `fd` if it may be other than fresh.
fn known(fd: i32) -> Option<&'static Descriptor> {
    let table = DESCRIPTORS.load(Ordering::Acquire);
    let index = fd as u32 as usize;
    if table.is_null() || index >= CAPACITY {
        return None;
    }
    // SAFETY: just checked.
    let (entry, marks) = unsafe { at(table, index) };
    (marks.load(Ordering::Relaxed) & mark_of(index) != 0).then_some(entry)
}

/// The numbers from `first` to `last` whose entries may be other than fresh.
fn in_use(first: u32, last: u32) -> impl Iterator<Item = i32> {
    let table = DESCRIPTORS.load(Ordering::Acquire);
    let end = if table.is_null() { 0 } else { CAPACITY };
    let range = first as usize..end.min(last as usize + 1);
    let mut next = range.start;
    core::iter::from_fn(move || {
        while next < range.end {
            let index = next;
            // SAFETY: within the range.
            let (_, marks) = unsafe { at(table, index) };
            let marks = marks.load(Ordering::Relaxed);
            if marks & mark_of(index) != 0 {
                next += 1;
                return Some(index as i32);
            }
            // On to the next page of entries or, past a whole word of unmarked ones, of
            // marks.
            let step = if marks == 0 { PER_PAGE * 64 } else { PER_PAGE };
            next = (index / step + 1) * step;
        }
        None
    })
}

/// Begins the life of the new descriptor `fd`, or -1, made after `since`; false if the
/// one before has not ended.
pub fn begin(fd: i32, since: Moment) -> bool {
    if DESCRIPTORS.load(Ordering::Relaxed).is_null() {
        early::made(fd, since);
        return true;
    }
    get(fd).is_none_or(|entry| entry.begin(since))
}

/// Ends the life of `fd`, see [`Descriptor::end`].
pub fn end(fd: i32, next: Next, woken: &mut Woken) {
    if DESCRIPTORS.load(Ordering::Relaxed).is_null() {
        early::forget(fd);
    } else if let Some(entry) = if next == Next::Unknown {
        known(fd)
    } else {
        get(fd)
    } {
        entry.end(fd, next, woken);
    }
}

/// The numbers from `first` to `last` are about to be closed: those of them whose lives
/// are to be ended.
pub fn ending(first: u32, last: u32) -> impl Iterator<Item = i32> {
    if DESCRIPTORS.load(Ordering::Relaxed).is_null() {
        early::forget_range(first, last);
    }
    in_use(first, last)
}

/// The last step of an [`end`].
pub fn await_holders(fd: i32) {
    if let Some(entry) = known(fd) {
        entry.await_holders();
    }
}

/// The file of `fd` has got another number or another owner.
pub fn share(fd: i32) {
    if DESCRIPTORS.load(Ordering::Relaxed).is_null() {
        early::forget(fd);
    } else if let Some(entry) = known(fd) {
        entry.share();
    }
}

/// The program has changed a status flag or a time-out of `fd`.
pub fn status_changed(fd: i32) {
    if let Some(entry) = known(fd) {
        entry.status_changed();
    }
}

/// Marks the descriptors that are open now as known, and those that hooked calls have
/// made as private unless somebody has got them since. What cannot be looked at stays
/// unknown, which is never wrong.
pub fn adopt_open() {
    let since = sharing::now();
    let _ = open_files::each(|fd| {
        if let Some(entry) = get(fd).filter(|_| place::ours().all(|own| own != fd)) {
            entry.flags.store(KNOWN, Ordering::Relaxed);
            if early::is_private(fd) {
                entry.private_since(since);
            }
        }
    });
}
