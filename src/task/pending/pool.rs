//! Memory for signals that wait: taken and given back in handlers, so without a lock and
//! without `malloc`.
//!
//! Entries lie in blocks straight from the kernel, which stay. The free ones are a stack of
//! indices; its head carries a count of changes, so that one that has been taken and given
//! back meanwhile is not taken for unchanged.

use core::cell::{Cell, UnsafeCell};
use core::mem::{MaybeUninit, size_of};
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

use crate::sys::in_child::{in_child, restore};
use crate::sys::pages;
use crate::sys::raw::syscall;

/// A signal that waits for a thread.
pub struct Entry {
    /// The next of the thread's, as the list that it is in says.
    pub next: Cell<*const Entry>,
    /// Its number.
    pub signal: Cell<i32>,
    /// Whether it was sent to the process, and any other thread might do.
    pub shared: Cell<bool>,
    /// How often the signal had been discarded for all when it was sent.
    pub era: Cell<u32>,
    /// What came with it.
    pub info: UnsafeCell<MaybeUninit<libc::siginfo_t>>,
    index: Cell<u32>,
    /// The next free one: its index and one, 0 for none.
    next_free: AtomicU32,
}

// SAFETY: whoever has taken an entry has it to itself; it passes on through a list whose
// head is changed with Release and read with Acquire.
unsafe impl Sync for Entry {}

const BLOCK_SIZE: usize = 256;
const MOST_BLOCKS: usize = 2048;

/// A forked child keeps them.
#[unsafe(link_section = ".llvm.linkonce.b.tables")]
static BLOCKS: [AtomicPtr<Entry>; MOST_BLOCKS] =
    [const { AtomicPtr::new(ptr::null_mut()) }; MOST_BLOCKS];
/// A forked child keeps it.
static COUNT: AtomicU32 = AtomicU32::new(0);
/// Below the index and one of the first free entry, 0 for none; above a count of changes. A forked
/// child keeps it: what another thread has just taken is lost.
static FREE: AtomicU64 = AtomicU64::new(0);
/// Entries that are in use.
static USED: AtomicU32 = AtomicU32::new(0);

fn at(index: u32) -> &'static Entry {
    let (block, place) = (index as usize / BLOCK_SIZE, index as usize % BLOCK_SIZE);
    // SAFETY: an index that was given out: its block is there, and stays.
    unsafe { &*BLOCKS[block].load(Ordering::Acquire).add(place) }
}

/// Another block of free entries; false if there is no memory.
#[cold]
fn grow() -> bool {
    let number = COUNT.load(Ordering::Acquire);
    if number as usize == MOST_BLOCKS {
        return false;
    }
    let size = (BLOCK_SIZE * size_of::<Entry>()).next_multiple_of(pages::PAGE);
    let Some(memory) = pages::reserve(size) else {
        return false;
    };
    let block = memory.cast::<Entry>();
    let place = &BLOCKS[number as usize];
    let first = place
        .compare_exchange(ptr::null_mut(), block, Ordering::AcqRel, Ordering::Relaxed)
        .is_ok();
    // Whoever was first may be interrupted by the caller and unable to go on.
    let _ = COUNT.compare_exchange(number, number + 1, Ordering::AcqRel, Ordering::Relaxed);
    if !first {
        // SAFETY: nobody has seen it.
        unsafe { pages::release(memory, size) };
        return true;
    }
    for index in (0..BLOCK_SIZE as u32).map(|place| number * BLOCK_SIZE as u32 + place) {
        let entry = at(index);
        entry.index.set(index);
        push(entry);
    }
    true
}

fn push(entry: &Entry) {
    let mut head = FREE.load(Ordering::Relaxed);
    loop {
        entry.next_free.store(head as u32, Ordering::Relaxed);
        let new = (head >> 32).wrapping_add(1) << 32 | u64::from(entry.index.get() + 1);
        match FREE.compare_exchange_weak(head, new, Ordering::Release, Ordering::Relaxed) {
            Ok(_) => return,
            Err(now) => head = now,
        }
    }
}

fn pop() -> Option<&'static Entry> {
    let mut head = FREE.load(Ordering::Acquire);
    loop {
        let entry = at((head as u32).checked_sub(1)?);
        let next = u64::from(entry.next_free.load(Ordering::Relaxed));
        let new = (head >> 32).wrapping_add(1) << 32 | next;
        match FREE.compare_exchange_weak(head, new, Ordering::Acquire, Ordering::Acquire) {
            Ok(_) => return Some(entry),
            Err(now) => head = now,
        }
    }
}

/// An entry to fill; `None` if there is no memory. Async-signal-safe.
pub fn take() -> Option<&'static Entry> {
    let entry = loop {
        if let Some(entry) = pop() {
            break entry;
        }
        if !grow() {
            return None;
        }
    };
    USED.fetch_add(1, Ordering::Relaxed);
    Some(entry)
}

/// Gives `entry`, which is in no list, back. Async-signal-safe.
pub fn put(entry: &Entry) {
    USED.fetch_sub(1, Ordering::Relaxed);
    push(entry);
}

/// Forgets entries in use: in a forked child those who have them do not exist.
fn reset() {
    restore(&USED, 0);
}

in_child!(reset);

/// Whether there are as many signals waiting as the process may have (setrlimit(2),
/// `RLIMIT_SIGPENDING`), not counting those that the kernel knows of.
pub fn is_at_limit() -> bool {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` is writable.
    unsafe { syscall!(SYS_getrlimit, libc::RLIMIT_SIGPENDING, &raw mut limit) };
    u64::from(USED.load(Ordering::Relaxed)) >= limit.rlim_cur
}
