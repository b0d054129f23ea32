//! Large reservations that stacks are carved out of.
//!
//! A mapping of its own with a guard costs two of the process's 65,530 memory
//! areas; a hundred thousand threads need fewer. Stacks of one size share a
//! reservation, and guards are installed in it as marks in the page tables
//! (`MADV_GUARD_INSTALL`, Linux 6.13), which split no area; older kernels get
//! `mprotect`ed guards.
//!
//! ```text
//!   ┌────────┬───────┬──────────────┬───────┬──────────────┬────
//!   │ Header │ guard │ stack        │ guard │ stack        │ …
//!   └────────┴───────┴──────────────┴───────┴──────────────┴────
//! ```

use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering};

use super::lock::Locked;
use super::placement::Placement;
use super::rank;
use crate::sys::in_child::in_child;
use crate::sys::limit;
use crate::sys::pages::{self, PAGE};
use crate::sys::raw::syscall;

/// Sizes that have reservations for many; where there are more, the stacks of further
/// ones are mapped one by one.
const CLASSES: usize = 32;

/// A reservation holds at most so many stacks and bytes.
const MOST_STACKS: usize = 1024;
const MOST_BYTES: usize = 1 << 34;
/// And so many bytes, or one stack, where the program has a limit on addresses, which counts unused ones.
const MODEST: usize = 1 << 20;

/// The first page of a reservation.
struct Header {
    /// The one that was made before.
    earlier: *const Header,
    /// Of each stack, in bytes.
    size: usize,
    /// Of each guard, in bytes.
    guard: usize,
    /// How many stacks there is room for.
    stacks: usize,
    /// How many there are.
    carved: usize,
}

/// Whether stacks are executable. Changed under the lock; a forked child keeps it.
static EXECUTABLE: AtomicBool = AtomicBool::new(false);

struct Arena {
    /// The reservations that are not used up, by size.
    classes: [*mut Header; CLASSES],
    /// The last one that was made.
    last: *const Header,
    /// Whether guards are protected pages, where the kernel cannot mark them in the page tables.
    protects: bool,
    /// Whether stacks were ever hollow.
    holes: bool,
}

const EMPTY: Arena = Arena {
    classes: [ptr::null_mut(); CLASSES],
    last: ptr::null(),
    protects: false,
    holes: false,
};

static ARENA: Locked<Arena, { rank::STACKS }> = Locked::new(EMPTY);

/// A fresh stack of `size` bytes, whole pages, above a guard of `guard` bytes: its
/// lowest address. The caller is critical.
pub fn carve(size: usize, guard: usize) -> Option<usize> {
    ARENA.with(|arena| arena.carve(size, guard))
}

/// Takes back the stack at `base` that nobody has used, if it was the last one that was
/// carved; else it is lost. The caller is critical.
pub fn take_back(size: usize, guard: usize, base: usize) {
    ARENA.with(|arena| {
        let class = arena.classes.iter().find_map(|header| {
            // SAFETY: null, or a reservation's, which stays.
            let reservation = unsafe { header.as_mut()? };
            (reservation.size == size && reservation.guard == guard).then_some(reservation)
        });
        if let Some(reservation) = class
            && reservation.carved > 0
            && reservation.area(reservation.carved - 1).1 == base
        {
            reservation.carved -= 1;
        }
    });
}

/// Gives the lower part of a stack back to the kernel, addresses and all: `length` bytes
/// from the beginning of its guard on. False if the kernel refuses: a hole takes one mapping more, of which
/// there may be none left. The caller is critical.
///
/// # Safety
/// Nobody uses the stack.
pub unsafe fn hollow(stack: &Placement, length: usize) -> bool {
    ARENA.with(|arena| {
        arena.holes = true;
        // SAFETY: as the caller promises.
        unsafe { pages::release((stack.base() - stack.guard()) as *mut u8, length) }
    })
}

/// Maps that part again. An errno. The caller is critical.
///
/// # Safety
/// Nobody uses the stack.
pub unsafe fn refill(stack: &Placement, length: usize) -> Result<(), i32> {
    let guard = stack.guard();
    let start = stack.base() - guard;
    ARENA.with(|arena| {
        // SAFETY: as the caller promises.
        unsafe { pages::reserve_at(start as *mut u8, length)? };
        // SAFETY: just mapped. Failure is harmless.
        unsafe { syscall!(SYS_madvise, start, length, libc::MADV_NOHUGEPAGE) };
        arena.install_guard(start, guard);
        if EXECUTABLE.load(Ordering::Relaxed) {
            // SAFETY: the stack.
            unsafe { pages::make_executable(stack.base() as *mut u8, stack.size()) };
        }
        Ok(())
    })
}

/// The program has locked all memory: what no stack lies in yet goes back to the kernel.
/// The caller is critical.
pub fn unlock_rest() {
    ARENA.with(|arena| {
        let mut header = arena.last;
        // SAFETY: null, or a reservation's, which stays.
        while let Some(reservation) = unsafe { header.as_ref() } {
            let (rest, _) = reservation.area(reservation.carved);
            let (end, _) = reservation.area(reservation.stacks);
            // SAFETY: nobody uses it.
            unsafe {
                pages::unlock(rest as *mut u8, end - rest);
                pages::discard(rest as *mut u8, end - rest);
            }
            header = reservation.earlier;
        }
    });
}

/// Lets code run on all stacks, as glibc does once an object asks for it. The caller
/// is critical.
pub fn make_executable() {
    ARENA.with(|arena| {
        EXECUTABLE.store(true, Ordering::Relaxed);
        let mut header = arena.last;
        // SAFETY: null, or a reservation's, which stays.
        while let Some(reservation) = unsafe { header.as_ref() } {
            reservation.make_executable(!arena.protects && !arena.holes);
            header = reservation.earlier;
        }
    });
}

impl Arena {
    fn carve(&mut self, size: usize, guard: usize) -> Option<usize> {
        // SAFETY: null, or a reservation's, which stays.
        let fits = |header: &*mut Header| match unsafe { header.as_ref() } {
            Some(reservation) => reservation.size == size && reservation.guard == guard,
            None => true,
        };
        let class = self.classes.iter().position(fits);
        // SAFETY: as above.
        let current = class.and_then(|class| unsafe { self.classes[class].as_mut() });
        let reservation = match (class, current) {
            (_, Some(current)) if current.carved < current.stacks => current,
            (Some(class), current) => {
                let stacks = current.map_or(0, |current| current.stacks);
                let wanted = if limit::are_addresses_limited() {
                    MODEST / (size + guard)
                } else {
                    (stacks * 2).clamp(16, MOST_STACKS)
                };
                let new = self.reserve(size, guard, wanted)?;
                self.classes[class] = new;
                new
            }
            (None, _) => self.reserve(size, guard, 1)?,
        };
        let (area, base) = reservation.area(reservation.carved);
        reservation.carved += 1;
        self.install_guard(area, guard);
        Some(base)
    }

    /// Room for so many stacks, or for fewer.
    fn reserve(&mut self, size: usize, guard: usize, stacks: usize) -> Option<&'static mut Header> {
        let total = size + guard;
        let mut stacks = stacks.min(MOST_BYTES / total).max(1);
        let start = loop {
            let length = total.checked_mul(stacks)?.checked_add(PAGE)?;
            match pages::reserve_sparse(length) {
                Some(start) => break start,
                // A limit on the address space (RLIMIT_AS): be modest.
                None if stacks > 1 => stacks = (stacks / 4).max(1),
                None => return None,
            }
        };
        let header = start.cast::<Header>();
        // SAFETY: our own fresh mapping, which stays. Huge pages would make the first
        // touch of each stack cost 2 MiB; failure (no such support) is harmless.
        let reservation = unsafe {
            let length = PAGE + total * stacks;
            syscall!(SYS_madvise, start, length, libc::MADV_NOHUGEPAGE);
            header.write(Header {
                earlier: self.last,
                size,
                guard,
                stacks,
                carved: 0,
            });
            &mut *header
        };
        if EXECUTABLE.load(Ordering::Relaxed) {
            reservation.make_executable(!self.protects && !self.holes);
        }
        self.last = header;
        Some(reservation)
    }

    fn install_guard(&mut self, area: usize, guard: usize) {
        const MADV_GUARD_INSTALL: i32 = 102;
        if guard == 0 {
            return;
        }
        // SAFETY: within our own mapping, below a stack.
        unsafe {
            if !self.protects && syscall!(SYS_madvise, area, guard, MADV_GUARD_INSTALL) != 0 {
                self.protects = true;
            }
            if self.protects {
                pages::protect(area as *mut u8, guard);
            }
        }
    }
}

impl Header {
    /// Where the stack of that index and its guard begin, and where the stack does.
    fn area(&self, index: usize) -> (usize, usize) {
        let start = ptr::from_ref(self).addr() + PAGE + index * (self.size + self.guard);
        (start, start + self.guard)
    }

    /// All at once, or where `whole` is false stack by stack.
    fn make_executable(&self, whole: bool) {
        let executable = |from: usize, to: usize| {
            // SAFETY: stacks, and what will be some.
            unsafe { pages::make_executable(from as *mut u8, to - from) }
        };
        let (end, _) = self.area(self.stacks);
        if whole {
            executable(self.area(0).0, end);
            return;
        }
        // What is a guard by its protection stays one; a hollow stack's turn comes later.
        for index in 0..self.carved {
            executable(self.area(index).1, self.area(index + 1).0);
        }
        if self.carved < self.stacks {
            executable(self.area(self.carved).0, end);
        }
    }
}

/// Forgets the reservations: in a forked child their stacks are other threads',
/// which do not exist, but whose memory glibc's lists may still name.
///
/// # Safety
/// The caller is the process's only thread.
unsafe fn reset() {
    // SAFETY: as the caller promises.
    unsafe {
        ARENA.mend(|arena| {
            // Most are null, and a call that clears all would bring in libc's page with it.
            for class in arena.classes.iter_mut().filter(|class| !class.is_null()) {
                *class = ptr::null_mut();
            }
            arena.last = ptr::null();
            (arena.protects, arena.holes) = (false, false);
        });
    }
}

in_child!(reset);
