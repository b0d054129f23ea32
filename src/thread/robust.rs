//! Robust mutexes of a thread that ends.
//!
//! Which ones it holds, glibc lists in the TCB, for the kernel to release at the
//! end of the kernel thread. A green thread has none of its own: libgreen walks
//! the list as the kernel would (Linux, kernel/futex/core.c, `exit_robust_list`).

use core::sync::atomic::{AtomicIsize, AtomicU32, Ordering};

use super::Thread;
use crate::sys::raw::syscall;

/// The kernel's `struct robust_list_head`.
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

/// From the thread pointer to the list's head; 0 until known. It is the same in
/// every thread.
static OFFSET: AtomicIsize = AtomicIsize::new(0);

/// Learns where glibc keeps the list, from a kernel thread that glibc has made
/// and whose thread pointer is `pointer`.
pub fn learn(pointer: usize) {
    let mut head = 0usize;
    let mut length = 0usize;
    // SAFETY: both are writable.
    let result = unsafe { syscall!(SYS_get_robust_list, 0, &raw mut head, &raw mut length) };
    if result == 0 && head != 0 {
        OFFSET.store(head.wrapping_sub(pointer) as isize, Ordering::Relaxed);
    }
}

/// Releases what the ending thread `me` still holds: the next owner gets
/// `EOWNERDEAD`.
pub fn release(me: &Thread) {
    let offset = OFFSET.load(Ordering::Relaxed);
    if offset == 0 {
        return;
    }
    let head = (me.pointer.get() as isize + offset) as *mut Head;
    // SAFETY: every TCB has its list there, which points to itself when empty.
    // The entries are mutexes of the program, which it may not have freed while
    // they are held.
    unsafe {
        let end = head as usize;
        let mut entry = (*head).next;
        for _ in 0..LIMIT {
            // The lowest bit marks a priority-inheriting mutex.
            let node = entry & !1;
            if node == end || node == 0 {
                break;
            }
            let next = *(node as *const usize);
            let word = (node as isize + (*head).futex_offset) as *const AtomicU32;
            mark_dead(me, &*word, entry & 1 != 0);
            entry = next;
        }
        (*head).next = end;
        (*head).pending = 0;
    }
}

fn mark_dead(me: &Thread, word: &AtomicU32, inherits_priority: bool) {
    let mut value = word.load(Ordering::Relaxed);
    while value & FUTEX_TID_MASK == me.tid.get() as u32 & FUTEX_TID_MASK {
        let dead = value & FUTEX_WAITERS | FUTEX_OWNER_DIED;
        match word.compare_exchange(value, dead, Ordering::Release, Ordering::Relaxed) {
            Ok(_) => {
                if value & FUTEX_WAITERS != 0 && !inherits_priority {
                    // SAFETY: robust mutexes use shared futexes, whatever their scope.
                    unsafe { syscall!(SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, 1) };
                }
                return;
            }
            Err(now) => value = now,
        }
    }
}
