//! The seats of green threads, and their links in the heap of deadlines, side by side.

use core::ptr;

use super::lock::Locked;
use super::rank;
use super::seat::Seat;
use super::timer::Timer;
use crate::sys::in_child::in_child;
use crate::sys::pages;

/// So many are mapped at once.
const COUNT: usize = 1024;

/// A mapping. All zeros are seats and links that nobody has.
struct Chunk {
    seats: [Seat; COUNT],
    timers: [Timer; COUNT],
}

/// The last one, and how many of it nobody has been given yet.
struct Free {
    chunk: *const Chunk,
    count: usize,
}

const NONE: Free = Free {
    chunk: ptr::null(),
    count: 0,
};

static FREE: Locked<Free, { rank::SEATS }> = Locked::new(NONE);

/// A seat that is nobody's, and what belongs to it; `None` where there is no memory. They are never
/// given back, as the [husk](super::Thread::is_husk) is not that they are for. The caller is critical.
pub fn take() -> Option<(&'static Seat, &'static Timer)> {
    FREE.with(|free| {
        if free.count == 0 {
            free.chunk = pages::reserve(size_of::<Chunk>())?.cast::<Chunk>();
            free.count = COUNT;
        }
        let index = COUNT - free.count;
        free.count -= 1;
        // SAFETY: a mapping that stays.
        let chunk = unsafe { &*free.chunk };
        Some((&chunk.seats[index], &chunk.timers[index]))
    })
}

/// How far it is from one to another, in bytes.
pub fn distance<T>(from: &T, to: &T) -> isize {
    let bytes = ptr::from_ref(to)
        .addr()
        .wrapping_sub(ptr::from_ref(from).addr());
    bytes.cast_signed()
}

/// What is so far away from `own`.
///
/// # Safety
/// It is there, and stays as long as `own`.
#[inline(always)]
pub unsafe fn at<T>(own: &T, distance: isize) -> &T {
    let address = ptr::from_ref(own)
        .expose_provenance()
        .wrapping_add_signed(distance);
    // SAFETY: as the caller promises; both are in memory that the loader or the kernel has given.
    unsafe { &*ptr::with_exposed_provenance(address) }
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
