//! Memory straight from the kernel, for what must not go through the
//! program's `malloc`: hooks run inside signal handlers, too.

use core::sync::atomic::{AtomicBool, Ordering};

use super::raw::syscall;

/// The size of a page on x86-64, in bytes.
pub const PAGE: usize = 4096;

/// Whether the kernel has refused to wipe memory in forked children.
static COPIED: AtomicBool = AtomicBool::new(false);

/// Reserves `length` zeroed bytes, readable and writable, backed only when
/// touched. `None` when the kernel has none to give.
pub fn reserve(length: usize) -> Option<*mut u8> {
    map(length, libc::PROT_READ | libc::PROT_WRITE)
}

/// [`reserve`] for memory that forked children have in common with this process.
pub fn share(length: usize) -> Option<*mut u8> {
    map_as(libc::MAP_SHARED, length, libc::PROT_READ | libc::PROT_WRITE)
}

fn map(length: usize, protection: i32) -> Option<*mut u8> {
    map_as(libc::MAP_PRIVATE, length, protection)
}

fn map_as(sharing: i32, length: usize, protection: i32) -> Option<*mut u8> {
    let flags = sharing | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a new anonymous mapping touches no existing memory.
    let address = unsafe { syscall!(SYS_mmap, 0usize, length, protection, flags, -1isize, 0usize) };
    (address > 0).then_some(address as *mut u8)
}

/// Whether the process locks what it maps (mlockall(2), `MCL_FUTURE`). A forked child does
/// not, and finds that out when it first reserves memory.
static LOCKING: AtomicBool = AtomicBool::new(false);

/// See [`LOCKING`].
pub fn is_locking() -> bool {
    LOCKING.load(Ordering::Relaxed)
}

/// The program has said whether from here on it does.
pub fn set_locking(locking: bool) {
    LOCKING.store(locking, Ordering::Relaxed);
}

/// [`reserve`] for much memory of which little will be used: it is never locked.
pub fn reserve_sparse(length: usize) -> Option<*mut u8> {
    let start = map(length, libc::PROT_NONE)?;
    // SAFETY: just mapped.
    unsafe {
        // The kernel refuses to drop locked memory (madvise(2)), and does not say otherwise
        // whether it is. It fills locked memory when that becomes accessible.
        set_locking(syscall!(SYS_madvise, start, PAGE, libc::MADV_DONTNEED) != 0);
        if is_locking() {
            unlock(start, length);
        }
        let open = libc::PROT_READ | libc::PROT_WRITE;
        if syscall!(SYS_mprotect, start, length, open) != 0 {
            release(start, length);
            return None;
        }
        Some(start)
    }
}

/// Fills the range and keeps it in memory if the process may do that (mlock(2)): false if
/// not.
///
/// # Safety
/// The range is mapped.
pub unsafe fn lock(address: *mut u8, length: usize) -> bool {
    // SAFETY: as the caller promises.
    unsafe { syscall!(SYS_mlock, address, length) == 0 }
}

/// Ends that, whoever has begun it.
///
/// # Safety
/// The range is mapped.
pub unsafe fn unlock(address: *mut u8, length: usize) {
    // SAFETY: as the caller promises.
    unsafe { syscall!(SYS_munlock, address, length) };
}

/// [`reserve`] at that address, where nothing is mapped. An errno.
///
/// # Safety
/// Whoever has had the range does not use it.
pub unsafe fn reserve_at(address: *mut u8, length: usize) -> Result<(), i32> {
    let flags =
        libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_FIXED_NOREPLACE;
    // SAFETY: replaces no mapping.
    let got = unsafe {
        syscall!(
            SYS_mmap,
            address,
            length,
            libc::PROT_READ | libc::PROT_WRITE,
            flags,
            -1isize,
            0usize
        )
    };
    if got < 0 {
        return Err(-got as i32);
    }
    if got as usize != address as usize {
        // Linux before 4.17 takes the address for a hint.
        // SAFETY: just mapped.
        unsafe { release(got as *mut u8, length) };
        return Err(libc::EEXIST);
    }
    Ok(())
}

/// Gives back what [`reserve`] gave: false if the kernel refuses.
///
/// # Safety
/// Nothing may use the range any more.
pub unsafe fn release(address: *mut u8, length: usize) -> bool {
    // SAFETY: as the caller promises.
    unsafe { syscall!(SYS_munmap, address, length) == 0 }
}

/// Makes the range one that nobody can touch.
///
/// # Safety
/// Nothing uses the range.
pub unsafe fn protect(address: *mut u8, length: usize) {
    // SAFETY: as the caller promises.
    unsafe { syscall!(SYS_mprotect, address, length, libc::PROT_NONE) };
}

/// Lets code run in the range, which can be read and written; what is a guard by a mark
/// in the page tables stays one. Nothing happens where the kernel refuses.
///
/// # Safety
/// The range is mapped, and its owner wants that.
pub unsafe fn make_executable(address: *mut u8, length: usize) {
    let protection = libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC;
    // SAFETY: as the caller promises.
    unsafe { syscall!(SYS_mprotect, address, length, protection) };
}

/// A static that is whole pages, as memory.
pub fn of<T>(value: &'static T) -> (*mut u8, usize) {
    const { assert!(align_of::<T>() >= PAGE && size_of::<T>().is_multiple_of(PAGE)) };
    (core::ptr::from_ref(value).cast_mut().cast(), size_of::<T>())
}

/// Has the kernel zero the range, whole pages of anonymous memory, in every child that is
/// forked from here on.
///
/// # Safety
/// A child does without the range's contents.
pub unsafe fn wipe_on_fork(address: *mut u8, length: usize) {
    // SAFETY: as the caller promises.
    let result = unsafe { syscall!(SYS_madvise, address, length, libc::MADV_WIPEONFORK) };
    if result < 0 {
        COPIED.store(true, Ordering::Relaxed);
    }
}

/// Zeroes such a range in a forked child if the kernel has not (before Linux 4.14).
///
/// # Safety
/// The range's contents must be dead.
pub unsafe fn wipe_if_copied(address: *mut u8, length: usize) {
    if COPIED.load(Ordering::Relaxed) {
        // SAFETY: as the caller promises.
        unsafe { discard(address, length) };
    }
}

/// Lets the kernel take the range's pages back; it reads as zeros afterwards.
///
/// # Safety
/// The range's contents must be dead.
pub unsafe fn discard(address: *mut u8, length: usize) {
    // SAFETY: as the caller promises.
    unsafe { syscall!(SYS_madvise, address, length, libc::MADV_DONTNEED) };
}
