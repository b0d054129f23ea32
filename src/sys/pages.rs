//! Memory straight from the kernel, for what must not go through the
//! program's `malloc`: hooks run inside signal handlers, too.

use super::raw::syscall;

/// The size of a page on x86-64, in bytes.
pub const PAGE: usize = 4096;

/// Reserves `length` zeroed bytes, readable and writable, backed only when
/// touched. `None` when the kernel has none to give.
pub fn reserve(length: usize) -> Option<*mut u8> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a new anonymous mapping touches no existing memory.
    let address = unsafe {
        syscall!(
            SYS_mmap,
            0usize,
            length,
            libc::PROT_READ | libc::PROT_WRITE,
            flags,
            -1isize,
            0usize
        )
    };
    (address > 0).then_some(address as *mut u8)
}

/// Gives back what [`reserve`] gave.
///
/// # Safety
/// Nothing may use the range any more.
pub unsafe fn release(address: *mut u8, length: usize) {
    // SAFETY: as the caller promises.
    unsafe { syscall!(SYS_munmap, address, length) };
}

/// Lets the kernel take the range's pages back; it reads as zeros afterwards.
///
/// # Safety
/// The range's contents must be dead.
pub unsafe fn discard(address: *mut u8, length: usize) {
    // SAFETY: as the caller promises.
    unsafe { syscall!(SYS_madvise, address, length, libc::MADV_DONTNEED) };
}
