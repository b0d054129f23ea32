//! What libgreen has to know of glibc's thread control block.
//!
//! The offsets are those that glibc publishes for debuggers (`libthread_db`):
//! each `_thread_db_*` object is `{ bits, count, offset }`.

use core::arch::asm;
use core::sync::atomic::{AtomicI32, AtomicU32, AtomicUsize, Ordering};

use super::{Thread, pointer};
use crate::sys::raw::syscall;

unsafe extern "C" {
    static _thread_db_pthread_tid: [u32; 3];
    static _thread_db_pthread_cancelhandling: [u32; 3];
    static __rseq_offset: isize;
    static __rseq_size: u32;
}

/// Thread ids that the kernel never gives out: `PID_MAX_LIMIT` is 2²².
/// A futex word has room for 30 bits of owner.
const FIRST_ID: i32 = 1 << 22;
const LAST_ID: i32 = (1 << 30) - 1;

static NEXT_ID: AtomicI32 = AtomicI32::new(FIRST_ID);

/// Starts this process's ids somewhere else than other processes': they meet in
/// the owners of process-shared locks. Spread by the process id, two ranges of a
/// hundred thousand threads overlap in one of ten thousand cases.
pub fn seed_ids() {
    // SAFETY: no arguments.
    let process = unsafe { syscall!(SYS_getpid) } as u32;
    let range = (LAST_ID - FIRST_ID) as u32;
    // Fibonacci hashing.
    NEXT_ID.store(
        FIRST_ID + (process.wrapping_mul(2_654_435_769) % range) as i32,
        Ordering::Relaxed,
    );
}

/// An id for a new green thread, unlike that of any other thread alive.
pub fn new_id() -> i32 {
    loop {
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        if id <= LAST_ID {
            return id;
        }
        // A thousand million threads later: start over. Ids of long-lived
        // threads might come up again; nothing but recursive locks held by both
        // would notice.
        NEXT_ID.store(FIRST_ID, Ordering::Relaxed);
    }
}

fn word(thread: &Thread, offset: u32) -> &'static AtomicU32 {
    // SAFETY: glibc says that a u32 of the TCB lies there.
    unsafe { &*((thread.pointer.get() + offset as usize) as *const AtomicU32) }
}

/// Writes the id where glibc keeps it: owners of recursive locks go by it.
pub fn set_id(thread: &Thread, id: i32) {
    thread.tid.set(id);
    // SAFETY: a constant of libc.
    word(thread, unsafe { _thread_db_pthread_tid[2] }).store(id as u32, Ordering::Relaxed);
}

/// What a request for cancellation sets in [`cancelhandling`]: CANCELING and CANCELED
/// (glibc, nptl/descr.h).
pub const REQUESTED: u32 = 4 | 8;

/// Whether glibc has noted that the thread is to be cancelled.
pub fn is_cancelled(thread: &Thread) -> bool {
    cancelhandling(thread).load(Ordering::Relaxed) & REQUESTED != 0
}

/// Takes the kernel's id out of the calling thread's TCB, unless another is there
/// already.
pub fn drop_kernel_id() {
    // SAFETY: a constant of libc; no arguments.
    let (offset, id) = unsafe { (_thread_db_pthread_tid[2], syscall!(SYS_gettid)) };
    // SAFETY: glibc says that a u32 of the TCB lies there.
    let word = unsafe { &*((pointer() + offset as usize) as *const AtomicU32) };
    // Who makes a thread of the husk meanwhile has set that thread's id: it stays.
    let _ = word.compare_exchange(
        id as u32,
        new_id() as u32,
        Ordering::Relaxed,
        Ordering::Relaxed,
    );
}

/// The calling thread's id, whoever made the thread.
#[inline(always)]
pub fn own_id() -> i32 {
    let id: i32;
    // SAFETY: glibc says that the id lies at that offset of the TCB, to which fs
    // points; offsets are constants of libc.
    unsafe {
        asm!(
            "mov {id:e}, fs:[{offset}]",
            id = lateout(reg) id,
            offset = in(reg) _thread_db_pthread_tid[2] as usize,
            options(nostack, readonly, preserves_flags),
        );
    }
    id
}

/// glibc's record of cancellation and exit.
pub fn cancelhandling(thread: &Thread) -> &'static AtomicU32 {
    // SAFETY: a constant of libc.
    word(thread, unsafe { _thread_db_pthread_cancelhandling[2] })
}

/// Tells per-CPU code that restartable sequences are not to be had on this
/// thread: it moves between kernel threads, and the kernel keeps only theirs.
pub fn disable_rseq(thread: &Thread) {
    const CPU_ID_REGISTRATION_FAILED: u32 = -2i32 as u32;
    // SAFETY: constants of ld.so; the area is part of every TCB.
    unsafe {
        if __rseq_size > 0 {
            let area = (thread.pointer.get() as isize + __rseq_offset) as *const [AtomicU32; 2];
            (*area)[0].store(0, Ordering::Relaxed);
            (*area)[1].store(CPU_ID_REGISTRATION_FAILED, Ordering::Relaxed);
        }
    }
}

/// Ends the kernel's registration of the calling kernel thread's area, which is
/// that of `thread`.
pub fn unregister_rseq(thread: &Thread) {
    const UNREGISTER: i32 = 1;
    const SIGNATURE: u32 = 0x5305_3053;
    const AREA_SIZE: usize = 32;
    // SAFETY: the arguments of glibc's own registration; failure means that
    // there was none.
    unsafe {
        let area = thread.pointer.get() as isize + __rseq_offset;
        syscall!(SYS_rseq, area, AREA_SIZE, UNREGISTER, SIGNATURE);
    }
}

/// The thread's dynamic thread vector, the second word of the TCB.
pub fn dtv(thread: &Thread) -> *const [usize; 2] {
    // SAFETY: the x86-64 TLS ABI (tcbhead_t): tcb, dtv, self, ….
    unsafe {
        (*((thread.pointer.get() + 8) as *const AtomicUsize)).load(Ordering::Relaxed) as *const _
    }
}
