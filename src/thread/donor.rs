//! Donors: kernel threads that have glibc make a stack and a TCB, and leave them behind.
//!
//! The real `pthread_create` builds stack, TCB, TLS, dtv, stack and pointer guard
//! and enters the thread in glibc's lists. Its kernel thread, the *donor*, notes
//! where its stack is free and leaves with a bare `exit`. When it no longer touches
//! the stack the kernel clears the id in the TCB, as glibc has asked it to (clone(2),
//! `CLONE_CHILD_CLEARTID`): from then on stack and TCB are a coroutine's.

use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use crate::arch::thread::stack_pointer;
use crate::glibc::replica;
use crate::glibc::robust;
use crate::glibc::tcb::{self, Tcb};
use crate::sched::{idle, kernel_thread, loading};
use crate::sys::in_child::{in_child, restore};
use crate::sys::raw::syscall;
use crate::task::placement::Stack;
use crate::task::process::Elsewhere;
use crate::task::stack;
use crate::task::{Critical, Thread, all, current, of_pthread};

/// Below the donor's stack pointer: its red zone, and frames that are live until
/// the exit.
const DONOR_FRAMES: usize = 512;

extern "C" fn donor(_: *mut c_void) -> *mut c_void {
    let me = current();
    let top = stack_pointer();
    robust::learn(Tcb::current());
    // From here on glibc takes it for a thread that has ended, and does not wait for
    // it when it signals all.
    Tcb::current().drop_kernel_id();
    // Release pairs with the Acquire in `await_donor`.
    me.stack_top
        .store((top - DONOR_FRAMES) & !63, Ordering::Release);
    // SAFETY: ends this kernel thread only; the stack above is not used again.
    unsafe { syscall!(SYS_exit, 0) };
    unreachable!("the kernel does not return from exit");
}

/// Why there is no husk.
pub enum Lack {
    /// An error number.
    Refused(i32),
    /// There may be, in the parent of this process.
    Elsewhere,
}

impl Lack {
    /// The error number for who does not begin again in a child.
    pub fn error(self) -> i32 {
        match self {
            Self::Refused(error) => error,
            Self::Elsewhere => libc::EAGAIN,
        }
    }
}

impl From<i32> for Lack {
    fn from(error: i32) -> Self {
        Self::Refused(error)
    }
}

impl From<Elsewhere> for Lack {
    fn from(_: Elsewhere) -> Self {
        Self::Elsewhere
    }
}

/// The last husk that was made.
static LAST: AtomicPtr<Thread> = AtomicPtr::new(ptr::null_mut());

/// A new husk on `stack`, which nobody uses. The donor may still be there: [`await_donor`] before
/// the first context. `EAGAIN` if there cannot be one; the stack is given back.
///
/// glibc may wait for the program's allocator meanwhile, and for the loader, with locks of its own that all who start
/// kernel threads need: in the caller's `critical` section, but without its slot.
pub fn create(critical: &mut Critical, stack: Stack) -> Result<&'static Thread, Lack> {
    critical.outside(loading::before)?;
    let make = || {
        let state = libc::PTHREAD_CREATE_JOINABLE;
        kernel_thread::create(stack.base, stack.size, state, donor, ptr::null_mut())
    };
    let made = match make() {
        Err(libc::EAGAIN) => {
            // The limit on kernel threads counts donors that have not left yet.
            await_donors();
            make()
        }
        made => made,
    };
    let made = match made {
        // It counts workers that wait for the next ones that block, too.
        Err(libc::EAGAIN) if idle::make_room() => make(),
        made => made,
    };
    let id = made.inspect_err(|_| stack::give_back(stack))?;
    // SAFETY: just created, and husks never end.
    let thread = unsafe { of_pthread(id) };
    // On x86-64 a pthread_t is the thread pointer.
    thread.pointer.set(id as usize);
    thread.stack.set(stack);
    thread.has_donor.store(true, Ordering::Relaxed);
    all::add(thread);
    // SAFETY: null or a husk, which is never freed.
    let last = unsafe {
        LAST.swap(ptr::from_ref(thread).cast_mut(), Ordering::AcqRel)
            .as_ref()
    };
    if let Some(last) = last {
        replica::note(thread.tcb(), last.tcb());
    }
    limit_donors(thread);
    Ok(thread)
}

/// So many donors may be on their way out at a time.
const DONORS: usize = 16;

/// The husks made last, whose donors may not have left yet.
static RECENT: [AtomicPtr<Thread>; DONORS] = [const { AtomicPtr::new(ptr::null_mut()) }; DONORS];
/// A forked child counts on.
static MADE: AtomicUsize = AtomicUsize::new(0);

/// Notes `thread` as the latest husk, and waits for the donor of an earlier one:
/// a creator that is faster than the kernel ends threads must not pile them up.
fn limit_donors(thread: &'static Thread) {
    let place = &RECENT[MADE.fetch_add(1, Ordering::Relaxed) % DONORS];
    let earlier = place.swap(ptr::from_ref(thread).cast_mut(), Ordering::AcqRel);
    // SAFETY: null or a husk, which is never freed.
    if let Some(earlier) = unsafe { earlier.as_ref() } {
        await_donor(earlier);
    }
}

/// Waits for the donors of all recent husks.
#[cold]
fn await_donors() {
    for recent in &RECENT {
        // SAFETY: null or a husk, which is never freed.
        if let Some(husk) = unsafe { recent.load(Ordering::Acquire).as_ref() } {
            await_donor(husk);
        }
    }
}

/// Waits until the donor has left `thread`'s stack, and makes the husk our own.
pub fn await_donor(thread: &Thread) {
    // Acquire pairs with the Release in `donor`.
    while thread.stack_top.load(Ordering::Acquire) == 0 {
        // The donor has not run yet.
        // SAFETY: no arguments.
        unsafe { syscall!(SYS_sched_yield) };
    }
    let id = thread.tcb().id();
    let mut waited = false;
    loop {
        // Acquire: who finds the id of a thread finds out below that the donor is gone.
        let expected = id.load(Ordering::Acquire);
        if !thread.has_donor.load(Ordering::Relaxed) {
            return;
        }
        if expected == 0 {
            break;
        }
        // The kernel wakes this word as a shared futex.
        // SAFETY: the word lives.
        unsafe { syscall!(SYS_futex, id.as_ptr(), libc::FUTEX_WAIT, expected, 0usize) };
        waited = true;
    }
    if waited {
        // The kernel wakes one, and two may wait.
        // SAFETY: as above.
        unsafe { syscall!(SYS_futex, id.as_ptr(), libc::FUTEX_WAKE, i32::MAX) };
    }
    thread.tcb().disable_rseq();
    thread.has_donor.store(false, Ordering::Relaxed);
    thread.tcb().replace_id(0, tcb::new_id());
}

/// In a forked child they are not used again.
fn reset() {
    restore(&LAST, ptr::null_mut());
    for recent in &RECENT {
        restore(recent, ptr::null_mut());
    }
}

in_child!(reset);
