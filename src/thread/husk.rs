//! Husks: a stack and a fully initialised glibc TCB with no kernel thread
//! behind it. Those that no thread lives in wait in the [pool] for the next one.
//!
//! The first few of a size are made by [donors](donor). Then one is set aside, and all later ones
//! are copies of it ([`replica`]), which takes no kernel thread.

use core::ptr;
use core::sync::atomic::Ordering;

use super::donor::{self, Lack};
use super::pool;
use crate::glibc::replica::{self, Original};
use crate::glibc::tcb;
use crate::sys::pages;
use crate::task::placement::Stack;
use crate::task::stack;
use crate::task::{Critical, Thread, all, current, of_pthread, process, reservation};

/// Programs with fewer threads of a size do without an original.
const SOME: u32 = 4;

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
/// Leaves the caller's `critical` section for what may wait for the program's allocator, or for the loader.
pub fn take(critical: &mut Critical, stack_size: usize, guard: usize) -> Result<Husk, Lack> {
    let husk = take_any(critical, stack_size, guard)?;
    process::begin(husk.thread);
    #[cfg(debug_assertions)]
    // SAFETY: the stack has not begun to be used, but at its top.
    unsafe {
        (husk.thread.stack.base() as *mut [u64; 8]).write(CANARY);
    }
    Ok(husk)
}

fn take_any(critical: &mut Critical, stack_size: usize, guard: usize) -> Result<Husk, Lack> {
    let (extent, guard) = stack::extents(stack_size, guard)?;
    if let Some(thread) = pool::take(extent, guard) {
        return Ok(Husk {
            thread,
            origin: Origin::Used,
        });
    }
    create(critical, extent, guard)
}

/// A stack of these [extents](stack::extents).
fn allocate(extent: usize, guard: usize) -> Result<Stack, i32> {
    let stack = match stack::allocate(extent, guard) {
        Err(_) if pool::hollow_all() => stack::allocate(extent, guard)?,
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
fn create(critical: &mut Critical, extent: usize, guard: usize) -> Result<Husk, Lack> {
    let as_husk = |origin| move |thread| Husk { thread, origin };
    let original = pool::with_class(extent, guard, |class| class.original).flatten();
    if let Some((husk, original)) = original {
        if let Some(thread) = copy(critical, husk, original)? {
            return Ok(as_husk(Origin::Copied)(thread));
        }
    } else if is_one_wanted(extent, guard) {
        set_aside(critical, extent, guard)?;
        if let Some(thread) = pool::take(extent, guard) {
            return Ok(as_husk(Origin::Used)(thread));
        }
    }
    let stack = allocate(extent, guard)?;
    Ok(as_husk(Origin::Made)(donor::create(critical, stack)?))
}

/// Whether it is time for a husk to copy: so many of the size were made by donors.
fn is_one_wanted(extent: usize, guard: usize) -> bool {
    let made = pool::with_class(extent, guard, |class| {
        class.made += 1;
        class.made
    });
    made.is_some_and(|made| made.is_multiple_of(SOME)) && replica::has_place()
}

/// What there is, if anything.
fn if_any<T>(result: Result<T, Lack>) -> Result<Option<T>, Lack> {
    match result {
        Err(Lack::Refused(_)) => Ok(None),
        result => result.map(Some),
    }
}

/// Makes a husk of these extents to copy, of which only TLS and TCB are kept, and another one to
/// compare it with, which is free then. Both are where they cannot be copied.
fn set_aside(critical: &mut Critical, extent: usize, guard: usize) -> Result<(), Lack> {
    let mut make = || {
        let stack = allocate(extent, guard)?;
        donor::create(critical, stack)
    };
    let [husk, other] = [if_any(make())?, if_any(make())?];
    [husk, other]
        .into_iter()
        .flatten()
        .for_each(donor::await_donor);
    let original = match husk.zip(other) {
        Some((husk, other)) => {
            let stack = (husk.stack.base(), husk.stack.base() + extent);
            let kept = ptr::from_ref(current()).addr();
            let find = || Original::new(husk.tcb(), stack, other.tcb(), kept);
            critical.outside(find)?.map(|original| (husk, original))
        }
        None => None,
    };
    let chosen = original.and_then(|(husk, original)| {
        // Another thread may have set one aside at the same time.
        pool::with_class(extent, guard, |class| {
            let is_first = class.original.is_none();
            class.original.get_or_insert((husk, original));
            is_first.then_some(husk)
        })?
    });
    for spare in [husk, other].into_iter().flatten() {
        if !chosen.is_some_and(|chosen| chosen.is(spare)) {
            pool::put(spare);
        }
    }
    if let Some(chosen) = chosen {
        // SAFETY: nobody ever runs on its stack.
        unsafe { reservation::hollow(&chosen.stack, pool::spare_part(chosen)) };
    }
    Ok(())
}

/// A husk like `husk`; `None` if there is no memory for its thread-local storage.
fn copy(
    critical: &mut Critical,
    husk: &Thread,
    original: Original,
) -> Result<Option<&'static Thread>, Lack> {
    let stack = allocate(husk.stack.size(), husk.stack.guard())?;
    let end = stack.base + stack.size;
    // SAFETY: a fresh stack of the same size; nobody has run on the original.
    let Some(copy) = critical.outside(|| unsafe { original.copy(end) })? else {
        stack::give_back(stack);
        return Ok(None);
    };
    copy.disable_rseq();
    copy.replace_id(0, tcb::new_id());
    pool::alone(|| original.link(copy));
    // SAFETY: a TCB with its TLS; husks never end.
    let thread = unsafe { of_pthread(copy.pointer() as libc::pthread_t) };
    let top = end - (husk.stack.base() + stack.size - husk.stack_top.load(Ordering::Relaxed));
    thread.stack_top.store(top, Ordering::Relaxed);
    thread.pointer.set(copy.pointer());
    thread.stack.set(stack);
    all::add(thread);
    Ok(Some(thread))
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
    if pool::is_stale() || process::is_elsewhere(husk) {
        // A child's parent has had it.
        return;
    }
    if husk.is_spent.replace(false) {
        // SAFETY: nobody uses the stack any more, nor will.
        return unsafe { pool::discard(husk) };
    }
    pool::put(husk);
}
