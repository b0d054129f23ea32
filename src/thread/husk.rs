//! Husks: a stack and a fully initialised glibc TCB with no kernel thread
//! behind it. Those that no thread lives in wait here for the next one.
//!
//! The first few of a size are made by [donors](donor). Then one is set aside, and all later ones
//! are copies of it ([`replica`]), which takes no kernel thread.

use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::donor;
use crate::glibc::replica::{self, Original};
use crate::glibc::tcb;
use crate::sys::in_child::{in_child, restore};
use crate::sys::pages::{self, PAGE};
use crate::task::lock::Locked;
use crate::task::stack::{self, Stack};
use crate::task::{Critical, Thread, all, current, of_pthread, rank, reservation};

/// So many free husks of a size keep their memory; further ones give all but
/// their TLS back.
const WARM: usize = 64;

/// What there is of husks of one size.
#[derive(Clone, Copy)]
struct SizeClass {
    /// The stack's and its guard's sizes in bytes, 0 where nothing is noted yet.
    extent: usize,
    guard: usize,
    /// The first of the free ones, which are linked.
    free: *const Thread,
    count: usize,
    /// How often one was to be made by a donor.
    made: u32,
    /// What further ones are copied from.
    original: Option<(&'static Thread, Original)>,
}

const CLASSES: usize = 32;
const EMPTY: SizeClass = SizeClass {
    extent: 0,
    guard: 0,
    free: ptr::null(),
    count: 0,
    made: 0,
    original: None,
};

/// Programs with fewer threads of a size do without an original.
const SOME: u32 = 4;

/// What is free, by size. In a forked child [`begin`] empties it: a child that starts no threads need
/// not have it copied.
#[unsafe(link_section = ".llvm.linkonce.b.tables")]
static POOL: Locked<[SizeClass; CLASSES], { rank::HUSKS }> = Locked::new([EMPTY; CLASSES]);
/// How many are free, of all sizes: a hint outside the lock.
static FREE: AtomicU32 = AtomicU32::new(0);
/// Whether what is in the pool is a parent's.
static STALE: AtomicBool = AtomicBool::new(false);

/// Where a husk comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Its donor may still be on the stack.
    Made,
    /// It is new, and nobody was ever there.
    Copied,
    /// A thread has ended there: its thread-local storage is that one's.
    Used,
}

/// What [`take`] has found.
pub struct Husk {
    /// Its block.
    pub thread: &'static Thread,
    /// Where it comes from.
    pub origin: Origin,
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
            origin: Origin::Used,
        });
    }
    create(extent, guard)
}

/// A stack of these [extents](stack::extents).
fn allocate(extent: usize, guard: usize) -> Result<Stack, i32> {
    let stack = match stack::allocate(extent, guard) {
        Err(_) if hollow_all() => stack::allocate(extent, guard)?,
        allocated => allocated?,
    };
    if let Err(error) = lock(&stack) {
        stack::give_back(stack);
        return Err(error);
    }
    Ok(stack)
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

/// A husk with a stack of these extents, where none is free.
fn create(extent: usize, guard: usize) -> Result<Husk, i32> {
    let as_husk = |origin| move |thread| Husk { thread, origin };
    let original = with_class(extent, guard, |class| class.original).flatten();
    if let Some((husk, original)) = original {
        if let Some(thread) = copy(husk, original)? {
            return Ok(as_husk(Origin::Copied)(thread));
        }
    } else if is_one_wanted(extent, guard) {
        set_aside(extent, guard);
        if let Some(thread) = reuse(extent, guard) {
            return Ok(as_husk(Origin::Used)(thread));
        }
    }
    donor::create(allocate(extent, guard)?).map(as_husk(Origin::Made))
}

/// Whether it is time for a husk to copy: so many of the size were made by donors.
fn is_one_wanted(extent: usize, guard: usize) -> bool {
    let made = with_class(extent, guard, |class| {
        class.made += 1;
        class.made
    });
    made.is_some_and(|made| made.is_multiple_of(SOME)) && replica::has_place()
}

/// Makes a husk of these extents to copy, of which only TLS and TCB are kept, and another one to
/// compare it with, which is free then. Both are where they cannot be copied.
fn set_aside(extent: usize, guard: usize) {
    let make = || allocate(extent, guard).and_then(donor::create).ok();
    let [husk, other] = [make(), make()];
    [husk, other]
        .into_iter()
        .flatten()
        .for_each(donor::await_donor);
    let chosen = husk.zip(other).and_then(|(husk, other)| {
        let stack = (husk.stack.base(), husk.stack.base() + extent);
        let kept = ptr::from_ref(current()).addr();
        let original = Original::new(husk.tcb(), stack, other.tcb(), kept)?;
        // Another thread may have set one aside at the same time.
        with_class(extent, guard, |class| {
            let is_first = class.original.is_none();
            class.original.get_or_insert((husk, original));
            is_first.then_some(husk)
        })?
    });
    for spare in [husk, other].into_iter().flatten() {
        if !chosen.is_some_and(|chosen| chosen.is(spare)) {
            push(spare);
        }
    }
    if let Some(chosen) = chosen {
        // SAFETY: nobody ever runs on its stack.
        unsafe { reservation::hollow(&chosen.stack, spare_part(chosen)) };
    }
}

/// A husk like `husk`; `None` if there is no memory for its thread-local storage.
fn copy(husk: &Thread, original: Original) -> Result<Option<&'static Thread>, i32> {
    let stack = allocate(husk.stack.size(), husk.stack.guard())?;
    let end = stack.base + stack.size;
    // SAFETY: a fresh stack of the same size; nobody has run on the original.
    let Some(copy) = (unsafe { original.copy(end) }) else {
        stack::give_back(stack);
        return Ok(None);
    };
    copy.disable_rseq();
    copy.replace_id(0, tcb::new_id());
    POOL.with(|_| original.link(copy));
    // SAFETY: a TCB with its TLS; husks never end.
    let thread = unsafe { of_pthread(copy.pointer() as libc::pthread_t) };
    let top = end - (husk.stack.base() + stack.size - husk.stack_top.load(Ordering::Relaxed));
    thread.stack_top.store(top, Ordering::Relaxed);
    thread.pointer.set(copy.pointer());
    thread.stack.set(stack);
    all::add(thread);
    Ok(Some(thread))
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
    POOL.with(|classes| {
        let mut any = false;
        for class in classes {
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
        any
    })
}

fn pop(extent: usize, guard: usize) -> Option<&'static Thread> {
    if FREE.load(Ordering::Relaxed) == 0 {
        return None;
    }
    POOL.with(|classes| {
        let class = classes
            .iter_mut()
            .find(|class| class.extent == extent && class.guard == guard)?;
        // SAFETY: null, or a husk, which lives.
        let husk = unsafe { class.free.as_ref()? };
        class.free = husk.next.get();
        class.count -= 1;
        FREE.fetch_sub(1, Ordering::Relaxed);
        Some(husk)
    })
}

/// Before there are any: what a forked child has of its parent's is forgotten.
///
/// # Safety
/// Nobody else starts threads, nor has started any.
pub unsafe fn begin() {
    if STALE.load(Ordering::Relaxed) {
        // SAFETY: as the caller promises; [`put`] leaves the pool alone.
        unsafe { POOL.reset([EMPTY; CLASSES]) };
        STALE.store(false, Ordering::Relaxed);
    }
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
    if STALE.load(Ordering::Relaxed) {
        // A child's parent has had it.
        return;
    }
    if husk.is_spent.replace(false) {
        // SAFETY: nobody uses the stack any more, nor will.
        return unsafe { discard(husk) };
    }
    push(husk);
}

/// Calls `act` with the class of husks of that size, under the lock. `None`: there are more sizes
/// than classes.
fn with_class<R>(extent: usize, guard: usize, act: impl FnOnce(&mut SizeClass) -> R) -> Option<R> {
    POOL.with(|classes| {
        let class = classes
            .iter_mut()
            .find(|class| class.extent == extent && class.guard == guard || class.extent == 0)?;
        (class.extent, class.guard) = (extent, guard);
        Some(act(class))
    })
}

fn push(husk: &'static Thread) {
    let (extent, guard) = (husk.stack.size(), husk.stack.guard());
    // With more sizes than classes the husk is lost until the process ends; a
    // program that asks for 32 different sizes is not a server's.
    with_class(extent, guard, |class| {
        if class.count >= WARM && !husk.is_hollow.get() {
            // SAFETY: nobody runs on the stack; its top, which holds TLS and
            // TCB, is left alone.
            unsafe { discard(husk) };
        }
        husk.next.set(class.free);
        class.free = husk;
        class.count += 1;
        FREE.fetch_add(1, Ordering::Relaxed);
    });
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
    restore(&STALE, true);
    restore(&FREE, 0);
}

in_child!(reset);
