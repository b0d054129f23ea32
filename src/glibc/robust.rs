//! Robust mutexes of a thread that ends.
//!
//! Which ones it holds, glibc lists in the TCB, for the kernel to release at the
//! end of the kernel thread. A green thread has none of its own: libgreen walks
//! the list as the kernel would (Linux, kernel/futex/core.c, `exit_robust_list`). While the
//! kernel has to know the thread (`sched/tie.rs`), the list is that of its kernel thread.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicIsize, AtomicU32, Ordering};

use super::tcb::Tcb;
use crate::sys::raw::syscall;

/// The kernel's `struct robust_list_head`.
#[derive(Default)]
#[repr(C)]
struct Head {
    next: usize,
    /// From an entry to its futex word.
    futex_offset: isize,
    pending: usize,
}

const FUTEX_OWNER_DIED: u32 = 0x4000_0000;
const FUTEX_TID_MASK: u32 = 0x3fff_ffff;
const FUTEX_WAITERS: u32 = 0x8000_0000;
/// The kernel's own limit on a list's length, against cycles.
const LIMIT: usize = 2048;

/// From the thread pointer to the list's head; 0 until known. It is the same in every thread. A
/// forked child keeps it, as it keeps libc.
static OFFSET: AtomicIsize = AtomicIsize::new(0);

/// Learns where glibc keeps the list, from a kernel thread that glibc has made, which
/// holds nothing and whose TCB is `me`.
pub fn learn(me: Tcb) {
    let mut head = 0usize;
    let mut length = 0usize;
    // SAFETY: both are writable.
    let result = unsafe { syscall!(SYS_get_robust_list, 0, &raw mut head, &raw mut length) };
    let head = if result == 0 { head } else { search(me) };
    if head != 0 {
        OFFSET.store(head.wrapping_sub(me.pointer()) as isize, Ordering::Relaxed);
    }
}

/// Where the kernel does not tell: an empty list is a word that points to itself, soon
/// behind the id (glibc, nptl/descr.h). 0 if there is none.
fn search(me: Tcb) -> usize {
    const WORDS: usize = 8;
    let id = me.id().as_ptr().addr();
    (1..WORDS)
        .map(|index| id + index * size_of::<usize>())
        // SAFETY: within the TCB, of which the id is about the middle.
        .find(|address| unsafe { *(*address as *const usize) } == *address)
        .unwrap_or(0)
}

/// Where glibc keeps the list of the thread with that TCB, as `set_robust_list(2)` takes
/// it; 0 if that is unknown.
pub fn list_of(tcb: Tcb) -> usize {
    match OFFSET.load(Ordering::Relaxed) {
        0 => 0,
        offset => (tcb.pointer() as isize + offset) as usize,
    }
}

/// Tells the kernel that the calling kernel thread's list is the one at `list`.
pub fn register(list: usize) {
    // SAFETY: every list that is registered stays; the kernel only reads it, when the
    // thread ends, and copes with what it finds.
    unsafe { syscall!(SYS_set_robust_list, list, size_of::<Head>()) };
}

/// A list of a kernel thread's own, for mutexes that the thread with the TCB leaves to it.
#[derive(Default)]
pub struct List(UnsafeCell<Head>);

impl List {
    /// As `set_robust_list(2)` takes it.
    pub fn address(&self) -> usize {
        self.0.get() as usize
    }

    /// Nothing is in it.
    fn clear(&self, futex_offset: isize) {
        // SAFETY: its kernel thread's, the caller's.
        unsafe {
            self.0.get().write(Head {
                next: self.address(),
                futex_offset,
                pending: 0,
            });
        }
    }

    /// Puts an entry in front.
    ///
    /// # Safety
    /// It is that of a mutex that the caller holds.
    unsafe fn push(&self, entry: usize) {
        // SAFETY: as the caller promises; the list is the caller's.
        unsafe {
            let head = self.0.get();
            *((entry & !INHERITS) as *mut usize) = (*head).next;
            (*head).next = entry;
        }
    }
}

/// In a link: the mutex is one with priority inheritance.
const INHERITS: usize = 1;

/// Releases what the ending thread with that TCB, the caller, still holds under one of
/// `ids`: the next owner gets `EOWNERDEAD`. A mutex that inherits priority and is waited
/// for goes to `heir`, for the kernel to release at the end of the kernel thread; whether
/// there was one.
pub fn release(me: Tcb, ids: [i32; 2], heir: &List) -> bool {
    let mut is_left = false;
    let list = list_of(me);
    if list == 0 {
        return false;
    }
    let head = list as *mut Head;
    // SAFETY: every TCB has its list there, which points to itself when empty.
    // The entries are mutexes of the program, which it may not have freed while
    // they are held.
    unsafe {
        heir.clear((*head).futex_offset);
        let mut entry = (*head).next;
        for _ in 0..LIMIT {
            let node = entry & !INHERITS;
            if node == list || node == 0 {
                break;
            }
            let next = *(node as *const usize);
            let word = (node as isize + (*head).futex_offset) as *const AtomicU32;
            if !mark_dead(ids, &*word, entry & INHERITS != 0) {
                heir.push(entry);
                is_left = true;
            }
            entry = next;
        }
        (*head).next = list;
        (*head).pending = 0;
    }
    is_left
}

/// False if only the kernel can do it.
fn mark_dead(ids: [i32; 2], word: &AtomicU32, inherits_priority: bool) -> bool {
    let mut value = word.load(Ordering::Relaxed);
    while ids.contains(&((value & FUTEX_TID_MASK) as i32)) {
        if value & FUTEX_WAITERS != 0 && inherits_priority {
            return false;
        }
        let dead = value & FUTEX_WAITERS | FUTEX_OWNER_DIED;
        match word.compare_exchange(value, dead, Ordering::Release, Ordering::Relaxed) {
            Ok(_) => {
                if value & FUTEX_WAITERS != 0 {
                    // SAFETY: robust mutexes use shared futexes, whatever their scope.
                    unsafe { syscall!(SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, 1) };
                }
                break;
            }
            Err(now) => value = now,
        }
    }
    true
}
