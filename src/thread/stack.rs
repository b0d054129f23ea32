//! Stacks, carved out of large reservations.
//!
//! A mapping of its own with a guard costs two of the process's 65,530 memory
//! areas; a hundred thousand threads need fewer. Stacks of one size share a
//! reservation, and guards are installed in it as marks in the page tables
//! (`MADV_GUARD_INSTALL`, Linux 6.13), which split no area; older kernels get
//! `mprotect`ed guards.

use core::cell::{Cell, UnsafeCell};
use core::ptr;

use crate::sys::lock::RawLock;
use crate::sys::pages::{self, PAGE};
use crate::sys::raw::syscall;

/// `pthread_attr_init`'s guard size.
pub const DEFAULT_GUARD: usize = PAGE;

/// Sizes that have a pool of their own; further ones share the next larger one
/// or, where there is none, are mapped one by one.
const CLASSES: usize = 32;

/// A reservation holds at most so many stacks and bytes.
const CHUNK_STACKS: usize = 1024;
const CHUNK_BYTES: usize = 1 << 34;

/// Where a thread's stack lies. The guard is below `base`.
#[derive(Default)]
pub struct Placement {
    base: Cell<usize>,
    size: Cell<usize>,
    guard: Cell<usize>,
}

/// A stack for a new husk.
#[derive(Clone, Copy)]
pub struct Stack {
    /// The lowest usable address.
    pub base: usize,
    /// Usable bytes, static TLS and TCB included.
    pub size: usize,
    /// Unusable bytes below.
    pub guard: usize,
}

impl Placement {
    /// Records where the stack is.
    pub fn set(&self, stack: Stack) {
        self.base.set(stack.base);
        self.size.set(stack.size);
        self.guard.set(stack.guard);
    }

    /// The lowest usable address.
    pub fn base(&self) -> usize {
        self.base.get()
    }

    /// Bytes from `base` to the end, TLS and TCB included.
    pub fn size(&self) -> usize {
        self.size.get()
    }

    /// Unusable bytes below `base`.
    pub fn guard(&self) -> usize {
        self.guard.get()
    }

    /// Bytes that a context may count on; below what is there, since part of it
    /// holds the TCB.
    pub fn usable(&self) -> usize {
        self.size.get() / 2
    }
}

#[derive(Clone, Copy)]
struct Chunk {
    total: usize,
    next: usize,
    end: usize,
    stacks: usize,
}

struct Arena {
    lock: RawLock,
    chunks: UnsafeCell<[Chunk; CLASSES]>,
}

// SAFETY: `chunks` is only touched under `lock`.
unsafe impl Sync for Arena {}

static ARENA: Arena = Arena {
    lock: RawLock::new(),
    chunks: UnsafeCell::new(
        [Chunk {
            total: 0,
            next: 0,
            end: 0,
            stacks: 0,
        }; CLASSES],
    ),
};

/// The extent in memory of a stack of `requested` bytes: whole pages, and room
/// for what libgreen adds to the static TLS at its top.
pub fn extent(requested: usize) -> usize {
    requested.next_multiple_of(PAGE) + PAGE
}

/// A fresh stack that offers `requested` bytes above a guard of `guard` bytes.
/// `EAGAIN` when there is no memory for it.
pub fn allocate(requested: usize, guard: usize) -> Result<Stack, i32> {
    let (size, guard) = (extent(requested), guard.next_multiple_of(PAGE));
    let total = size + guard;
    ARENA.lock.lock();
    // SAFETY: under the lock.
    let start = carve(unsafe { &mut *ARENA.chunks.get() }, total);
    ARENA.lock.unlock();
    let start = start.ok_or(libc::EAGAIN)?;
    protect(start, guard);
    Ok(Stack {
        base: start + guard,
        size,
        guard,
    })
}

fn carve(chunks: &mut [Chunk; CLASSES], total: usize) -> Option<usize> {
    let Some(chunk) = chunks
        .iter_mut()
        .find(|chunk| chunk.total == total || chunk.total == 0)
    else {
        return map(total).map(|start| start as usize);
    };
    if chunk.next == chunk.end {
        let mut stacks = (chunk.stacks * 2)
            .clamp(16, CHUNK_STACKS)
            .min((CHUNK_BYTES / total).max(1));
        let start = loop {
            match map(total * stacks) {
                Some(start) => break start,
                // A limit on the address space (RLIMIT_AS): be modest.
                None if stacks > 1 => stacks /= 4,
                None => return None,
            }
            stacks = stacks.max(1);
        };
        *chunk = Chunk {
            total,
            next: start as usize,
            end: start as usize + total * stacks,
            stacks,
        };
    }
    let start = chunk.next;
    chunk.next += total;
    Some(start)
}

fn map(length: usize) -> Option<*mut u8> {
    let start = pages::reserve(length)?;
    // Huge pages would make the first touch of each stack cost 2 MiB.
    // SAFETY: our own fresh mapping; failure (no such support) is harmless.
    unsafe { syscall!(SYS_madvise, start, length, libc::MADV_NOHUGEPAGE) };
    Some(start)
}

fn protect(start: usize, guard: usize) {
    const MADV_GUARD_INSTALL: i32 = 102;
    if guard == 0 {
        return;
    }
    // SAFETY: within our own mapping, below the stack.
    unsafe {
        if syscall!(SYS_madvise, start, guard, MADV_GUARD_INSTALL) != 0 {
            syscall!(SYS_mprotect, start, guard, libc::PROT_NONE);
        }
    }
}

/// Forgets the reservations: in a forked child their stacks are other threads',
/// which do not exist, but whose memory glibc's lists may still name.
///
/// # Safety
/// The caller is the process's only thread.
pub unsafe fn reset() {
    // SAFETY: nobody else runs.
    unsafe {
        ptr::from_ref(&ARENA.lock).cast_mut().write(RawLock::new());
        *ARENA.chunks.get() = [Chunk {
            total: 0,
            next: 0,
            end: 0,
            stacks: 0,
        }; CLASSES];
    }
}
