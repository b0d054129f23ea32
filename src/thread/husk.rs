//! Husks: a stack and a fully initialised glibc TCB with no kernel thread
//! behind it. Those that no thread lives in wait here for the next one.

use core::ptr;
use core::sync::atomic::{AtomicU32, Ordering};

use super::donor;
use crate::sys::in_child::in_child;
use crate::sys::pages::{self, PAGE};
use crate::task::lock::Locked;
use crate::task::{Critical, Thread, rank, reservation, stack};

/// So many free husks of a size keep their memory; further ones give all but
/// their TLS back.
const WARM: usize = 64;

#[derive(Clone, Copy)]
struct Class {
    /// The stack's and its guard's sizes in bytes, 0 where nothing is noted yet.
    extent: usize,
    guard: usize,
    /// The first of the free ones, which are linked.
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

/// What is free, by size.
static POOL: Locked<[Class; CLASSES], { rank::HUSKS }> = Locked::new([EMPTY; CLASSES]);
/// How many are free, of all sizes: a hint outside the lock.
static FREE: AtomicU32 = AtomicU32::new(0);

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

/// A new husk, whose donor may still be there.
fn create(extent: usize, guard: usize) -> Result<&'static Thread, i32> {
    let stack = match stack::allocate(extent, guard) {
        Err(_) if hollow_all() => stack::allocate(extent, guard)?,
        allocated => allocated?,
    };
    donor::create(stack)
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
    POOL.with(|classes| {
        let class = classes
            .iter_mut()
            .find(|class| class.extent == extent && class.guard == guard || class.extent == 0);
        // With more sizes than classes the husk is lost until the process ends; a
        // program that asks for 32 different sizes is not a server's.
        let Some(class) = class else { return };
        (class.extent, class.guard) = (extent, guard);
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
    // SAFETY: as the caller promises.
    unsafe { POOL.reset([EMPTY; CLASSES]) };
    FREE.store(0, Ordering::Relaxed);
}

in_child!(reset);
