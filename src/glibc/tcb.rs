//! What libgreen has to know of glibc's thread control block.
//!
//! The offsets are those that glibc publishes for debuggers (`libthread_db`):
//! each `_thread_db_*` object is `{ bits, count, offset }`.

use core::ffi::c_void;
use core::ops::Range;
use core::ptr;
use core::sync::atomic::{AtomicI32, AtomicPtr, AtomicU32, Ordering, fence};

use crate::arch::thread::{self, pointer};
use crate::sys::raw::syscall;

unsafe extern "C" {
    static _thread_db_pthread_tid: [u32; 3];
    static _thread_db_pthread_cancelhandling: [u32; 3];
    static __rseq_offset: isize;
    static __rseq_size: u32;
}

/// Thread ids that the kernel never gives out: `PID_MAX_LIMIT` is 2²².
/// A futex word has room for 30 bits of owner.
pub const FIRST_ID: i32 = 1 << 22;
const LAST_ID: i32 = (1 << 30) - 1;

/// A forked child begins where its own process id says, with its first thread.
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

/// What a request for cancellation sets in [`Tcb::cancelhandling`]: CANCELING and CANCELED
/// (glibc, nptl/descr.h).
const REQUESTED: u32 = 4 | 8;
/// glibc's mark of a thread that has disabled cancellation (nptl/descr.h, CANCELSTATE_BIT).
const DISABLED: u32 = 1;
/// Of one that can be cancelled anywhere, or is at one of glibc's own cancellation points
/// (CANCELTYPE_BIT).
const ASYNCHRONOUS: u32 = 2;
/// Of one that is to change its credentials, and has not yet (SETXID_BIT).
const CHANGES_CREDENTIALS: u32 = 64;
/// Of one that has begun to end (EXITING_BIT, TERMINATED_BIT).
const ENDS: u32 = 16 | 32;

/// What the kernel writes to for restartable sequences, in bytes (<linux/rseq.h>).
const AREA_SIZE: usize = 32;

/// A thread control block, by its address, which is the thread pointer.
#[derive(Clone, Copy)]
pub struct Tcb(usize);

impl Tcb {
    /// That of a thread of libgreen's or glibc's.
    ///
    /// # Safety
    /// `pointer` is the thread pointer of one whose TCB lives on.
    pub unsafe fn at(pointer: usize) -> Self {
        Self(pointer)
    }

    /// The caller's.
    pub fn current() -> Self {
        Self(pointer())
    }

    /// Its address.
    pub fn pointer(self) -> usize {
        self.0
    }

    fn word(self, offset: u32) -> &'static AtomicU32 {
        // SAFETY: glibc says that a u32 of the TCB lies there.
        unsafe { &*((self.0 + offset as usize) as *const AtomicU32) }
    }

    /// Where glibc keeps the thread's id: owners of recursive locks go by it.
    pub fn id(self) -> &'static AtomicU32 {
        // SAFETY: a constant of libc.
        self.word(unsafe { _thread_db_pthread_tid[2] })
    }

    /// Takes the kernel's id of the caller, whose TCB this is and which is going to end without glibc's
    /// knowing, out of it. The kernel clears what is there instead when the caller has ended.
    ///
    /// Who changes all threads' credentials marks each, looks for its id then, signals it, and waits until it has
    /// handled that (nptl/nptl_setxid.c). So who is marked by now may be signalled still, and has to
    /// wait for that, as glibc's own threads do when they end (`start_thread`); others will not be.
    pub fn drop_kernel_id(self) {
        self.replace_id(self.id().load(Ordering::Relaxed), new_id());
        fence(Ordering::SeqCst);
        while self.changes_credentials() {
            // The handler runs here.
            // SAFETY: no arguments.
            unsafe { syscall!(SYS_sched_yield) };
        }
    }

    /// Whether glibc has marked the thread as one that is to change its credentials, and has not yet.
    pub fn changes_credentials(self) -> bool {
        self.cancelhandling().load(Ordering::Acquire) & CHANGES_CREDENTIALS != 0
    }

    /// Writes the id `own` if it is `lent`, by which glibc finds a kernel thread for as long. If that is to
    /// change its credentials it has done so when this returns, or glibc finds it by another TCB.
    pub fn give_back_id(self, lent: u32, own: u32) {
        let replace = |old, new| {
            // SeqCst, a full fence: the mark is looked for afterwards.
            let (both, none) = (Ordering::SeqCst, Ordering::Relaxed);
            self.id().compare_exchange(old, new, both, none).is_ok()
        };
        // (A forked child finds something else there.)
        while replace(lent, own) && self.changes_credentials() {
            let _ = replace(own, lent);
            // SAFETY: no arguments.
            unsafe { syscall!(SYS_sched_yield) };
        }
    }

    /// Writes the id `new` if it is `old`.
    pub fn replace_id(self, old: u32, new: i32) {
        // Release: with it, that the donor of a husk is gone.
        let _ = self
            .id()
            .compare_exchange(old, new as u32, Ordering::Release, Ordering::Relaxed);
    }

    /// glibc's record of cancellation and exit.
    pub fn cancelhandling(self) -> &'static AtomicU32 {
        // SAFETY: a constant of libc.
        self.word(unsafe { _thread_db_pthread_cancelhandling[2] })
    }

    /// Whether glibc has noted that the thread is to be cancelled.
    pub fn is_cancelled(self) -> bool {
        self.cancelhandling().load(Ordering::Relaxed) & REQUESTED != 0
    }

    /// Notes that the thread is to be cancelled, as glibc's own request does.
    pub fn mark_cancelled(self) {
        // SeqCst: a thread that becomes cancellable looks afterwards.
        self.cancelhandling().fetch_or(REQUESTED, Ordering::SeqCst);
    }

    /// Takes the mark back.
    pub fn forget_cancelled(self) {
        self.cancelhandling()
            .fetch_and(!REQUESTED, Ordering::Relaxed);
    }

    /// Whether the thread has neither disabled cancellation nor begun to end.
    pub fn allows_cancellation(self) -> bool {
        self.cancelhandling().load(Ordering::Relaxed) & (DISABLED | ENDS) == 0
    }

    /// Whether the thread can be cancelled wherever it is.
    pub fn allows_cancellation_anywhere(self) -> bool {
        let state = self.cancelhandling().load(Ordering::Relaxed);
        state & (DISABLED | ASYNCHRONOUS | ENDS) == ASYNCHRONOUS
    }

    /// Tells per-CPU code that restartable sequences are not to be had on this
    /// thread: it moves between kernel threads, and the kernel keeps only theirs.
    pub fn disable_rseq(self) {
        const CPU_ID_REGISTRATION_FAILED: u32 = -2i32 as u32;
        // SAFETY: constants of ld.so; the area is part of every TCB.
        unsafe {
            if __rseq_size > 0 {
                let area = (self.0 as isize + __rseq_offset) as *const [AtomicU32; 2];
                (*area)[0].store(0, Ordering::Relaxed);
                (*area)[1].store(CPU_ID_REGISTRATION_FAILED, Ordering::Relaxed);
            }
        }
    }

    /// The addresses of what the kernel writes for restartable sequences.
    pub fn rseq_area(self) -> Range<usize> {
        // SAFETY: a constant of ld.so.
        let start = self.0.wrapping_add_signed(unsafe { __rseq_offset });
        start..start + AREA_SIZE
    }

    /// Ends the kernel's registration of the calling kernel thread's area, which is
    /// that of this TCB.
    pub fn unregister_rseq(self) {
        const UNREGISTER: i32 = 1;
        const SIGNATURE: u32 = 0x5305_3053;
        // SAFETY: the arguments of glibc's own registration; failure means that
        // there was none.
        unsafe {
            let area = self.0 as isize + __rseq_offset;
            syscall!(SYS_rseq, area, AREA_SIZE, UNREGISTER, SIGNATURE);
        }
    }

    /// The dynamic thread vector, the second word (the x86-64 TLS ABI, `tcbhead_t`: tcb,
    /// dtv, self, …).
    pub fn dtv(self) -> *mut Slot {
        self.dtv_word().load(Ordering::Relaxed)
    }

    fn dtv_word(self) -> &'static AtomicPtr<Slot> {
        // SAFETY: it is there.
        unsafe { &*((self.0 + 8) as *const AtomicPtr<Slot>) }
    }

    /// Runs `act` while the caller, whose TCB this is, has a vector without any module.
    ///
    /// # Safety
    /// `act` uses no variable in dynamic TLS, and no handler of the program runs.
    pub unsafe fn without_modules<R>(self, act: impl FnOnce() -> R) -> R {
        // The number of slots; a generation that never was.
        let mut none = [Slot::EMPTY, Slot::UNALLOCATED];
        let before = self.dtv_word().swap(&raw mut none[1], Ordering::Relaxed);
        let result = act();
        self.dtv_word().store(before, Ordering::Relaxed);
        result
    }
}

/// The kernel's id of the thread `id` that glibc runs: 0 once that has ended.
///
/// # Safety
/// `id` is a thread that may still be joined.
pub unsafe fn kernel_id(id: libc::pthread_t) -> i32 {
    // SAFETY: a pthread_t is the address of the TCB.
    unsafe { Tcb::at(id as usize) }.id().load(Ordering::Relaxed) as i32
}

/// The calling thread's id, whoever made the thread.
#[inline(always)]
pub fn own_id() -> i32 {
    // SAFETY: glibc says that the id lies at that offset of the TCB.
    unsafe { thread::word_at(_thread_db_pthread_tid[2] as usize) as i32 }
}

/// A slot of a dynamic thread vector (glibc's `dtv_t`, sysdeps/generic/dl-dtv.h). The
/// slot before the vector holds the number of slots after its first, which holds the
/// generation up to which it is true; then come the modules, by id.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// A module's block, or [`Slot::UNALLOCATED`]'s; or a count.
    pub value: usize,
    /// What to free when the block is no longer needed; null for static TLS.
    pub to_free: *mut c_void,
}

impl Slot {
    /// Nothing is known of such a module.
    pub const EMPTY: Self = Self {
        value: 0,
        to_free: ptr::null_mut(),
    };

    /// The thread has no block yet.
    pub const UNALLOCATED: Self = Self {
        value: usize::MAX,
        to_free: ptr::null_mut(),
    };
}
