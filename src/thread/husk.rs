//! Husks: a stack and a fully initialised glibc TCB with no kernel thread
//! behind it.
//!
//! The real `pthread_create` builds stack, TCB, TLS, dtv, stack and pointer guard
//! and enters the thread in glibc's lists. Its kernel thread, the *donor*, notes
//! where its stack is free and leaves with a bare `exit`. When it no longer touches
//! the stack the kernel clears the id in the TCB, as glibc has asked it to (clone(2),
//! `CLONE_CHILD_CLEARTID`): from then on stack and TCB are a coroutine's.

use core::cell::UnsafeCell;
use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering};

use crate::arch::thread::stack_pointer;
use crate::glibc::robust;
use crate::glibc::tcb::{self, Tcb};
use crate::sched::kernel_thread::{
    pthread_attr_setsigmask_np, pthread_attr_setstack, real_pthread_create,
};
use crate::sys::in_child::in_child;
use crate::sys::pages::{self, PAGE};
use crate::sys::raw::syscall;
use crate::task::lock::RawLock;
use crate::task::stack::{self, Stack};
use crate::task::{Critical, Thread, all, current, of_pthread, rank, reservation};

/// Below the donor's stack pointer: its red zone, and frames that are live until
/// the exit.
const DONOR_FRAMES: usize = 512;

/// So many free husks of a size keep their memory; further ones give all but
/// their TLS back.
const WARM: usize = 64;

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

/// A new husk with a stack of these [extents](stack::extents). The donor may still be
/// there: [`await_donor`] before the first context.
fn create(extent: usize, guard: usize) -> Result<&'static Thread, i32> {
    let stack = match stack::allocate(extent, guard) {
        Err(_) if hollow_all() => stack::allocate(extent, guard)?,
        allocated => allocated?,
    };
    if let Err(error) = lock(&stack) {
        stack::give_back(stack);
        return Err(error);
    }
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    let mut id = 0;
    // SAFETY: plain initialisation and use of the attribute object; the stack
    // stays for good.
    let result = unsafe {
        let attributes = attributes.as_mut_ptr();
        libc::pthread_attr_init(attributes);
        pthread_attr_setstack(attributes, stack.base as *mut c_void, stack.size);
        libc::sigfillset(all.as_mut_ptr());
        pthread_attr_setsigmask_np(attributes, all.as_ptr());
        let mut create = || real_pthread_create()(&mut id, attributes, donor, ptr::null_mut());
        let mut result = create();
        if result == libc::EAGAIN {
            // The limit on kernel threads counts donors that have not left yet.
            await_donors();
            result = create();
        }
        libc::pthread_attr_destroy(attributes);
        result
    };
    if result != 0 {
        stack::give_back(stack);
        return Err(result);
    }
    // SAFETY: just created, and husks never end.
    let thread = unsafe { of_pthread(id) };
    // On x86-64 a pthread_t is the thread pointer.
    thread.pointer.set(id as usize);
    thread.stack.set(stack);
    thread.has_donor.store(true, Ordering::Relaxed);
    all::add(thread);
    limit_donors(thread);
    Ok(thread)
}

/// Keeps a stack in memory where the program locks all, as it would natively.
fn lock(stack: &Stack) -> Result<(), i32> {
    let base = stack.base as *mut u8;
    // SAFETY: the stack.
    if !pages::is_locking() || unsafe { pages::lock(base, stack.size) } {
        return Ok(());
    }
    // SAFETY: as above. Some of it may be locked: as much as the limit allows.
    unsafe { pages::unlock(base, stack.size) };
    Err(libc::EAGAIN)
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

struct Pool {
    lock: RawLock<{ rank::HUSKS }>,
    classes: UnsafeCell<[Class; CLASSES]>,
    /// Free husks of all sizes; a hint outside the lock.
    free: AtomicU32,
}

#[derive(Clone, Copy)]
struct Class {
    extent: usize,
    guard: usize,
    free: *const Thread,
    count: usize,
}

const CLASSES: usize = 32;
const EMPTY: Class = Class {
    extent: 0,
    guard: 0,
    free: ptr::null(),
    count: 0,
};

// SAFETY: `classes` is only touched under `lock`.
unsafe impl Sync for Pool {}

static POOL: Pool = Pool {
    lock: RawLock::new(),
    classes: UnsafeCell::new([EMPTY; CLASSES]),
    free: AtomicU32::new(0),
};

/// What [`take`] has found.
pub struct Husk {
    /// Its block.
    pub thread: &'static Thread,
    /// Whether its donor may still be on the stack; otherwise its thread-local
    /// storage is somebody else's.
    pub is_new: bool,
}

/// In builds with debug assertions: what the lowest bytes of a stack hold, which no thread of
/// a test uses.
#[cfg(debug_assertions)]
const CANARY: [u64; 8] = [0x6361_6e61_7279_2121; 8];

/// A free husk with at least that much stack: an old one, or a new one.
///
/// The caller is critical.
pub fn take(stack_size: usize, guard: usize) -> Result<Husk, i32> {
    let husk = take_any(stack_size, guard)?;
    #[cfg(debug_assertions)]
    // SAFETY: the stack has not begun to be used, but at its top.
    unsafe {
        (husk.thread.stack.base() as *mut [u64; 8]).write(CANARY);
    }
    Ok(husk)
}

fn take_any(stack_size: usize, guard: usize) -> Result<Husk, i32> {
    let (extent, guard) = stack::extents(stack_size, guard)?;
    if let Some(thread) = reuse(extent, guard) {
        return Ok(Husk {
            thread,
            is_new: false,
        });
    }
    Ok(Husk {
        thread: create(extent, guard)?,
        is_new: true,
    })
}

fn reuse(extent: usize, guard: usize) -> Option<&'static Thread> {
    loop {
        let husk = pop(extent, guard)?;
        if !husk.is_hollow.replace(false) {
            return Some(husk);
        }
        // SAFETY: nobody uses it.
        let mut refilled = unsafe { refill(husk) };
        if refilled == Err(libc::ENOMEM) && hollow_all() {
            // SAFETY: as above.
            refilled = unsafe { refill(husk) };
        }
        match refilled {
            Ok(()) => return Some(husk),
            // Something else lies there by now: the husk is lost.
            Err(libc::EEXIST) => {}
            Err(_) => {
                husk.is_hollow.set(true);
                push(husk);
                return None;
            }
        }
    }
}

/// How many bytes of a free husk's stack can go: the guard, and all below the top, which
/// holds TLS and TCB.
fn spare_part(husk: &Thread) -> usize {
    let top = husk.stack_top.load(Ordering::Relaxed) & !(PAGE - 1);
    top - (husk.stack.base() - husk.stack.guard())
}

/// # Safety
/// The husk is hollow, and the caller's alone.
unsafe fn refill(husk: &Thread) -> Result<(), i32> {
    // SAFETY: as the caller promises.
    unsafe { reservation::refill(&husk.stack, spare_part(husk)) }
}

/// Memory is short: the stacks of all free husks go back to the kernel, addresses and all,
/// but for their tops. Whether there were any.
fn hollow_all() -> bool {
    let mut any = false;
    POOL.lock.lock();
    // SAFETY: under the lock.
    for class in unsafe { &*POOL.classes.get() } {
        let mut free = class.free;
        // SAFETY: null, or a husk, which lives.
        while let Some(husk) = unsafe { free.as_ref() } {
            free = husk.next.get();
            if !husk.is_hollow.replace(true) {
                // SAFETY: nobody runs on the stack, nor does anybody else know of it.
                unsafe { reservation::hollow(&husk.stack, spare_part(husk)) };
                any = true;
            }
        }
    }
    POOL.lock.unlock();
    any
}

fn pop(extent: usize, guard: usize) -> Option<&'static Thread> {
    if POOL.free.load(Ordering::Relaxed) == 0 {
        return None;
    }
    POOL.lock.lock();
    // SAFETY: under the lock.
    let classes = unsafe { &mut *POOL.classes.get() };
    let class = classes
        .iter_mut()
        .find(|class| class.extent == extent && class.guard == guard);
    let husk = class.and_then(|class| {
        // SAFETY: null, or a husk, which lives.
        let husk = unsafe { class.free.as_ref()? };
        class.free = husk.next.get();
        class.count -= 1;
        POOL.free.fetch_sub(1, Ordering::Relaxed);
        Some(husk)
    });
    POOL.lock.unlock();
    husk
}

/// Puts a husk that nobody uses any more back. (The main thread, which is none,
/// may be joined, too.)
pub fn put(husk: &'static Thread) {
    if !husk.is_husk() {
        return;
    }
    let _critical = Critical::enter();
    #[cfg(debug_assertions)]
    // SAFETY: nobody uses the stack any more.
    unsafe {
        let lowest = (husk.stack.base() as *const [u64; 8]).read();
        assert!(lowest == CANARY, "a thread has written below its stack");
    }
    husk.life.end();
    push(husk);
}

fn push(husk: &'static Thread) {
    let (extent, guard) = (husk.stack.size(), husk.stack.guard());
    POOL.lock.lock();
    // SAFETY: under the lock.
    let classes = unsafe { &mut *POOL.classes.get() };
    let class = classes
        .iter_mut()
        .find(|class| class.extent == extent && class.guard == guard || class.extent == 0);
    // With more sizes than classes the husk is lost until the process ends; a
    // program that asks for 32 different sizes is not a server's.
    if let Some(class) = class {
        (class.extent, class.guard) = (extent, guard);
        if class.count >= WARM && !husk.is_hollow.get() {
            // SAFETY: nobody runs on the stack; its top, which holds TLS and
            // TCB, is left alone.
            unsafe { discard(husk) };
        }
        husk.next.set(class.free);
        class.free = husk;
        class.count += 1;
        POOL.free.fetch_add(1, Ordering::Relaxed);
    }
    POOL.lock.unlock();
}

/// # Safety
/// Nobody uses the husk's stack.
unsafe fn discard(husk: &Thread) {
    let base = husk.stack.base();
    let top = husk.stack_top.load(Ordering::Relaxed) & !(PAGE - 1);
    // SAFETY: as the caller promises.
    unsafe { pages::discard(base as *mut u8, top - base) };
}

/// Forgets all husks: in a forked child glibc's lists do not name them any more.
///
/// # Safety
/// The caller is the process's only thread.
unsafe fn reset() {
    // SAFETY: nobody else runs.
    unsafe {
        POOL.lock.reset();
        *POOL.classes.get() = [EMPTY; CLASSES];
    }
    POOL.free.store(0, Ordering::Relaxed);
    for recent in &RECENT {
        recent.store(ptr::null_mut(), Ordering::Relaxed);
    }
}

in_child!(reset);
