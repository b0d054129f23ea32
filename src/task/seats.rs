//! The seats of green threads, side by side.

use core::ptr;

use super::lock::Locked;
use super::rank;
use super::seat::Seat;
use crate::sys::in_child::in_child;
use crate::sys::pages;

/// So many are mapped at once: 64 KiB.
const CHUNK: usize = 512;

/// Those that nobody has been given yet.
struct Free {
    first: *const Seat,
    count: usize,
}

const NONE: Free = Free {
    first: ptr::null(),
    count: 0,
};

static FREE: Locked<Free, { rank::SEATS }> = Locked::new(NONE);

/// A seat that is nobody's; `None` where there is no memory. It is never given back, as the
/// [husk](super::Thread::is_husk) is not that it is for. The caller is critical.
pub fn take() -> Option<&'static Seat> {
    FREE.with(|free| {
        if free.count == 0 {
            free.first = pages::reserve(CHUNK * size_of::<Seat>())?.cast::<Seat>();
            free.count = CHUNK;
        }
        // SAFETY: within a mapping that stays, and all zeros, as a seat is that nobody has.
        let seat = unsafe { &*free.first };
        // SAFETY: at most the end of the mapping.
        free.first = unsafe { free.first.add(1) };
        free.count -= 1;
        Some(seat)
    })
}

/// Forgets the mappings, as a forked child does with its [stacks](super::reservation): the one
/// thread that there is keeps its seat.
///
/// # Safety
/// The caller is the process's only thread.
unsafe fn reset() {
    // SAFETY: as the caller promises.
    unsafe { FREE.mend(|free| *free = NONE) };
}

in_child!(reset);
