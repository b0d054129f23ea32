//! Husks that no thread lives in, by size, and what further ones of a size are copied from.

use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::glibc::replica::Original;
use crate::sys::in_child::{in_child, restore};
use crate::sys::pages::{self, PAGE};
use crate::task::lock::Locked;
use crate::task::{Thread, rank, reservation};

/// So many free husks of a size keep their memory; further ones give all but
/// their TLS back.
const WARM: usize = 64;

/// What there is of husks of one size.
#[derive(Clone, Copy)]
pub struct SizeClass {
    /// The stack's and its guard's sizes in bytes, 0 where nothing is noted yet.
    extent: usize,
    guard: usize,
    /// The first of the free ones, which are linked.
    free: *const Thread,
    count: usize,
    /// How often one was to be made by a donor.
    pub made: u32,
    /// What further ones are copied from.
    pub original: Option<(&'static Thread, Original)>,
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

/// What is free, by size. In a forked child [`begin`] empties it: a child that starts no threads need
/// not have it copied.
#[unsafe(link_section = ".llvm.linkonce.b.tables")]
static POOL: Locked<[SizeClass; CLASSES], { rank::HUSKS }> = Locked::new([EMPTY; CLASSES]);
/// How many are free, of all sizes: a hint outside the lock.
static FREE: AtomicU32 = AtomicU32::new(0);
/// Whether what is in the pool is a parent's.
static STALE: AtomicBool = AtomicBool::new(false);

/// A free one of these [extents](crate::task::stack::extents). The caller is critical, here and below.
pub fn take(extent: usize, guard: usize) -> Option<&'static Thread> {
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
                put(husk);
                return None;
            }
        }
    }
}

/// How many bytes of a free husk's stack can go: the guard, and all below the top, which
/// holds TLS and TCB.
pub fn spare_part(husk: &Thread) -> usize {
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
pub fn hollow_all() -> bool {
    POOL.with(|classes| {
        let mut any = false;
        for class in classes {
            let mut free = class.free;
            // SAFETY: null, or a husk, which lives.
            while let Some(husk) = unsafe { free.as_ref() } {
                free = husk.next.get();
                if !husk.is_hollow.get() {
                    // SAFETY: nobody runs on the stack, nor does anybody else know of it.
                    let hollow = unsafe { reservation::hollow(&husk.stack, spare_part(husk)) };
                    husk.is_hollow.set(hollow);
                    any |= hollow;
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

/// Whether what there is of husks is a forked child's parent's: none is put back.
pub fn is_stale() -> bool {
    STALE.load(Ordering::Relaxed)
}

/// Nobody changes anything here meanwhile.
pub fn alone(act: impl FnOnce()) {
    POOL.with(|_| act());
}

/// Before there are any: what a forked child has of its parent's is forgotten.
///
/// # Safety
/// Nobody else starts threads, nor has started any.
pub unsafe fn begin() {
    if STALE.load(Ordering::Relaxed) {
        // SAFETY: as the caller promises; who puts one back asks [`is_stale`].
        unsafe { POOL.reset([EMPTY; CLASSES]) };
        STALE.store(false, Ordering::Relaxed);
    }
}

/// Calls `act` with the class of husks of that size, under the lock. `None`: there are more sizes
/// than classes.
pub fn with_class<R>(
    extent: usize,
    guard: usize,
    act: impl FnOnce(&mut SizeClass) -> R,
) -> Option<R> {
    POOL.with(|classes| {
        let class = classes
            .iter_mut()
            .find(|class| class.extent == extent && class.guard == guard || class.extent == 0)?;
        (class.extent, class.guard) = (extent, guard);
        Some(act(class))
    })
}

/// Puts one back that nobody uses any more.
pub fn put(husk: &'static Thread) {
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

/// The memory of its stack goes back to the kernel, but for the top.
///
/// # Safety
/// Nobody uses the husk's stack.
pub unsafe fn discard(husk: &Thread) {
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
