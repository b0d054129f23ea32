//! What the sanitizers that a program may be built with have to be told of its threads.

use core::mem;

use crate::arch::thread::stack_pointer;
use crate::arch::weak::weak_address;

/// The caller's frames are about to be unwound, and some may be of functions that know nothing of
/// it. AddressSanitizer marks what must not be touched in the frames of the program's functions,
/// and takes that back when they return: what is called where they have been would trip over it.
#[inline]
pub fn unwinds() {
    let address = weak_address!("__asan_handle_no_return");
    if address != 0 {
        // SAFETY: the sanitizer's function has that type, and is for such places.
        unsafe { mem::transmute::<usize, unsafe extern "C" fn()>(address)() }
    }
}

type ForRegion = unsafe extern "C" fn(*const u8, usize);

/// The caller's stack has been unwound up to here, and reaches down to `lowest`: nobody is below.
/// What has begun the unwinding may have been libc, which does not say [`unwinds`].
#[inline(always)]
pub fn unwound(lowest: usize) {
    let address = weak_address!("__asan_unpoison_memory_region");
    if address != 0 {
        let size = stack_pointer().saturating_sub(lowest);
        // SAFETY: the sanitizer's function has that type.
        unsafe { mem::transmute::<usize, ForRegion>(address)(lowest as *const u8, size) }
    }
}

/// The `size` bytes at `start` may hold pointers to allocated memory. LeakSanitizer looks for
/// those on the stacks of kernel threads, which it knows by the kernel's ids, and in places that
/// it is told of.
pub fn add_root(start: usize, size: usize) {
    let address = weak_address!("__lsan_register_root_region");
    if address != 0 {
        // SAFETY: the sanitizer's function has that type.
        unsafe { mem::transmute::<usize, ForRegion>(address)(start as *const u8, size) }
    }
}

/// The end of [`add_root`], with what that was told.
pub fn remove_root(start: usize, size: usize) {
    let address = weak_address!("__lsan_unregister_root_region");
    if address != 0 {
        // SAFETY: as above.
        unsafe { mem::transmute::<usize, ForRegion>(address)(start as *const u8, size) }
    }
}
