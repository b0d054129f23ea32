//! The entries of all numbers.
//!
//! ```text
//! | marks: a bit for each page of entries | entries, 128 bytes each, 32 to a page |
//! ```
//!
//! One mapping, which a forked child finds zeroed: there nobody waits, nothing is
//! registered, nothing is known. An unmarked page has only fresh entries.

use core::mem::size_of;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering};

use super::sharing::{self, Moment};
use super::{Descriptor, KNOWN, Next, early};
use crate::hub::own;
use crate::sys::in_child::{in_child, restore};
use crate::sys::limit;
use crate::sys::open_files;
use crate::sys::pages::{self, PAGE};
use crate::wait::woken::Woken;

/// The table reserves this many entries; descriptors beyond block natively.
const USUAL: usize = 1 << 20;
/// Or so many where the program has a limit on addresses, but not fewer than it may have open.
const MODEST: usize = 1 << 16;
const PER_PAGE: usize = PAGE / size_of::<Descriptor>();
/// The marks, in words: a page of them.
const MARKS: usize = USUAL / PER_PAGE / 64;
const _: () = assert!(MARKS * size_of::<AtomicU64>() == PAGE);

/// The entries in the mapping, once there is one. A forked child keeps it.
static ENTRIES: AtomicPtr<Descriptor> = AtomicPtr::new(ptr::null_mut());
/// How many there are. A forked child keeps that.
static CAPACITY: AtomicUsize = AtomicUsize::new(0);
/// The same while green threads run, 0 otherwise.
static END: AtomicUsize = AtomicUsize::new(0);

/// The mapping, and its size in bytes, once there is one.
fn mapping() -> Option<(*mut u8, usize)> {
    let entries = ENTRIES.load(Ordering::Relaxed);
    let size = CAPACITY.load(Ordering::Relaxed) * size_of::<Descriptor>();
    (!entries.is_null()).then(|| (entries.cast::<u8>().wrapping_sub(PAGE), PAGE + size))
}

/// How many entries to reserve.
fn wanted() -> usize {
    if !limit::are_addresses_limited() {
        return USUAL;
    }
    let soft = limit::get().map_or(u64::MAX, |limit| limit.soft);
    let files = usize::try_from(soft).unwrap_or(USUAL);
    files.clamp(MODEST, USUAL).next_multiple_of(PER_PAGE)
}

/// Sets the table up, all entries fresh: before the first green thread.
pub fn init() -> Result<(), i32> {
    if ENTRIES.load(Ordering::Relaxed).is_null() {
        let capacity = wanted();
        let size = PAGE + capacity * size_of::<Descriptor>();
        let memory = pages::reserve_sparse(size).ok_or(libc::ENOMEM)?;
        // SAFETY: fresh memory, not in use.
        unsafe { pages::wipe_on_fork(memory, size) };
        CAPACITY.store(capacity, Ordering::Relaxed);
        ENTRIES.store(memory.wrapping_add(PAGE).cast(), Ordering::Relaxed);
    }
    // Release pairs with the loads in `entries`.
    END.store(CAPACITY.load(Ordering::Relaxed), Ordering::Release);
    Ok(())
}

/// The program has locked all memory: most of the table is never used.
pub fn unlock() {
    if let Some((start, size)) = mapping() {
        // SAFETY: the table.
        unsafe { pages::unlock(start, size) };
    }
}

/// In a forked child there is no table until it starts green threads of its own.
///
/// # Safety
/// The caller is the process's only thread.
unsafe fn reset() {
    restore(&END, 0);
    if let Some((start, size)) = mapping() {
        // SAFETY: nobody uses the entries of the parent.
        unsafe { pages::wipe_if_copied(start, size) };
    }
}

in_child!(reset);

/// The entries, and how many there are; none unless green threads run.
#[inline(always)]
fn entries() -> (*mut Descriptor, usize) {
    // Acquire pairs with the store in `init`.
    let end = END.load(Ordering::Acquire);
    (ENTRIES.load(Ordering::Relaxed), end)
}

/// Whether there are none.
fn is_down() -> bool {
    END.load(Ordering::Relaxed) == 0
}

/// The entry at `index` and the word of its page's mark.
///
/// # Safety
/// `table` and more than `index` are what [`entries`] has said.
#[inline(always)]
unsafe fn at(table: *mut Descriptor, index: usize) -> (&'static Descriptor, &'static AtomicU64) {
    // SAFETY: within the mapping, which is never unmapped; zeroed memory is a valid
    // entry, and no mark.
    unsafe {
        let marks = table.byte_sub(PAGE).cast::<AtomicU64>();
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
    let (table, end) = entries();
    let index = fd as u32 as usize;
    if index >= end {
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
    let (table, end) = entries();
    let index = fd as u32 as usize;
    if index >= end {
        return None;
    }
    // SAFETY: just checked.
    let (entry, marks) = unsafe { at(table, index) };
    (marks.load(Ordering::Relaxed) & mark_of(index) != 0).then_some(entry)
}

/// The numbers from `first` to `last` whose entries may be other than fresh.
pub fn in_use(first: u32, last: u32) -> impl Iterator<Item = i32> {
    let (table, end) = entries();
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
    if is_down() {
        early::made(fd, since);
        return true;
    }
    get(fd).is_none_or(|entry| entry.begin(since))
}

/// Ends the life of `fd`, see [`Descriptor::end`]: its entry, with what that says.
pub fn end(fd: i32, next: Next, woken: &mut Woken) -> Option<(&'static Descriptor, u32)> {
    if is_down() {
        early::forget(fd);
        return None;
    }
    let entry = match next {
        // Programs close all numbers that there may be: those that nobody has used cost nothing.
        Next::Closing | Next::Unknown => known(fd),
        Next::Replacement | Next::Shared => get(fd),
    };
    entry.map(|entry| (entry, entry.end(fd, next, woken)))
}

/// The numbers from `first` to `last` are about to be closed: those of them whose lives
/// are to be ended.
pub fn ending(first: u32, last: u32) -> impl Iterator<Item = i32> {
    if is_down() {
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
    if is_down() {
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
        if let Some(entry) = get(fd).filter(|_| own::all().all(|own| own != fd)) {
            entry.flags.store(KNOWN, Ordering::Relaxed);
            if early::is_private(fd) {
                entry.private_since(since);
            }
        }
    });
}
