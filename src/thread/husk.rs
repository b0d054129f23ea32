//! Husks: a stack and a fully initialised glibc TCB with no kernel thread
//! behind it.
//!
//! The real `pthread_create` builds stack, TCB, TLS, dtv, stack and pointer guard
//! and enters the thread in glibc's lists. Its kernel thread, the *donor*, notes
//! where its stack is free, points the kernel's clear-child-tid at a word of ours
//! and leaves with a bare `exit`. The kernel clears the word when the donor no
//! longer touches the stack: from then on it is a coroutine's.

use core::arch::asm;
use core::cell::UnsafeCell;
use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering};

use super::join::Life;
use super::stack;
use super::{Critical, Thread, current, of_pthread, pointer, robust, tcb};
use crate::sched::kernel_thread::{pthread_attr_setsigmask_np, real_pthread_create};
use crate::sys::lock::RawLock;
use crate::sys::lock_free;
use crate::sys::pages::{self, PAGE};
use crate::sys::raw::syscall;

/// Below the donor's stack pointer: its red zone, and frames that are live until
/// the exit.
const DONOR_FRAMES: usize = 512;

/// So many free husks of a size keep their memory; further ones give all but
/// their TLS back.
const WARM: usize = 64;

extern "C" fn donor(_: *mut c_void) -> *mut c_void {
    let me = current();
    let top: usize;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, rsp", out(reg) top) };
    robust::learn(pointer());
    // From here on glibc takes it for a thread that has ended, and does not wait for
    // it when it signals all.
    tcb::drop_kernel_id();
    me.donor.store(1, Ordering::Relaxed);
    // SAFETY: the word lives as long as the TCB.
    unsafe { syscall!(SYS_set_tid_address, me.donor.as_ptr()) };
    // Release pairs with the Acquire in `await_donor`.
    me.stack_top
        .store((top - DONOR_FRAMES) & !63, Ordering::Release);
    // SAFETY: ends this kernel thread only; the stack above is not used again.
    unsafe { syscall!(SYS_exit, 0) };
    unreachable!("the kernel does not return from exit");
}

/// A new husk. The donor may still be on its stack: [`await_donor`] before the
/// first context.
pub fn create(stack_size: usize, guard: usize) -> Result<&'static Thread, i32> {
    let stack = stack::allocate(stack_size, guard)?;
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
        let result = real_pthread_create()(&mut id, attributes, donor, ptr::null_mut());
        libc::pthread_attr_destroy(attributes);
        result
    };
    if result != 0 {
        // The stack is lost to the arena, but a caller that cannot even start a
        // kernel thread will not come for many.
        return Err(result);
    }
    // SAFETY: just created, and husks never end.
    let thread = unsafe { of_pthread(id) };
    // On x86-64 a pthread_t is the thread pointer.
    thread.pointer.set(id as usize);
    thread.stack.set(stack);
    list(thread);
    limit_donors(thread);
    Ok(thread)
}

/// So many donors may be on their way out at a time.
const DONORS: usize = 16;

/// The husks made last, whose donors may not have left yet.
static RECENT: [AtomicPtr<Thread>; DONORS] = [const { AtomicPtr::new(ptr::null_mut()) }; DONORS];
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

static ALL: AtomicPtr<Thread> = AtomicPtr::new(ptr::null_mut());

fn list(thread: &'static Thread) {
    lock_free::push(&ALL, thread, &thread.all_next);
}

/// All husks, in use or not.
pub fn all() -> impl Iterator<Item = &'static Thread> {
    // SAFETY: husks are never freed.
    let follow = |link: &AtomicPtr<Thread>| unsafe { link.load(Ordering::Acquire).as_ref() };
    core::iter::successors(follow(&ALL), move |thread| follow(&thread.all_next))
}

unsafe extern "C" {
    fn pthread_attr_setstack(
        attributes: *mut libc::pthread_attr_t,
        base: *mut c_void,
        size: usize,
    ) -> i32;
}

/// Waits until the donor has left `thread`'s stack, and makes the husk our own.
pub fn await_donor(thread: &Thread) {
    // Acquire pairs with the Release in `donor`.
    while thread.stack_top.load(Ordering::Acquire) == 0 {
        // The donor has not run yet.
        // SAFETY: no arguments.
        unsafe { syscall!(SYS_sched_yield) };
    }
    let mut waited = false;
    while thread.donor.load(Ordering::Acquire) != 0 {
        // The kernel wakes this word as a shared futex.
        // SAFETY: the word lives.
        unsafe {
            syscall!(
                SYS_futex,
                thread.donor.as_ptr(),
                libc::FUTEX_WAIT,
                1,
                0usize
            )
        };
        waited = true;
    }
    if waited {
        // The kernel wakes one, and two may wait.
        // SAFETY: as above.
        unsafe { syscall!(SYS_futex, thread.donor.as_ptr(), libc::FUTEX_WAKE, i32::MAX) };
    }
    tcb::disable_rseq(thread);
}

struct Pool {
    lock: RawLock,
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

/// A free husk with at least that much stack: an old one, or a new one.
///
/// The caller is critical.
pub fn take(stack_size: usize, guard: usize) -> Result<Husk, i32> {
    if let Some(thread) = reuse(stack::extent(stack_size), guard.next_multiple_of(PAGE)) {
        return Ok(Husk {
            thread,
            is_new: false,
        });
    }
    Ok(Husk {
        thread: create(stack_size, guard)?,
        is_new: true,
    })
}

fn reuse(extent: usize, guard: usize) -> Option<&'static Thread> {
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
    if husk.stack.size() == 0 {
        return;
    }
    let _critical = Critical::enter();
    husk.life.store(Life::FREE, Ordering::Relaxed);
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
        if class.count >= WARM {
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
pub unsafe fn reset() {
    // SAFETY: nobody else runs.
    unsafe {
        ptr::from_ref(&POOL.lock).cast_mut().write(RawLock::new());
        *POOL.classes.get() = [EMPTY; CLASSES];
    }
    POOL.free.store(0, Ordering::Relaxed);
    ALL.store(ptr::null_mut(), Ordering::Relaxed);
    for recent in &RECENT {
        recent.store(ptr::null_mut(), Ordering::Relaxed);
    }
}
