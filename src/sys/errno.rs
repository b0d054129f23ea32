//! `errno` at the ABI edge.
//!
//! Inside libgreen an operation returns `isize` as the kernel does: a result,
//! or `-errno`. Only the outermost hook turns that into `-1` and `errno`.

/// Sets the calling thread's `errno`.
#[inline]
pub fn set(code: i32) {
    // SAFETY: __errno_location gives the calling thread's errno, always valid.
    unsafe { *libc::__errno_location() = code }
}

/// The calling thread's `errno`.
#[inline]
pub fn get() -> i32 {
    // SAFETY: as in `set`.
    unsafe { *libc::__errno_location() }
}

/// libc's convention out of the kernel's: `-errno` becomes `-1` with `errno` set.
#[inline(always)]
pub fn to_libc(result: isize) -> isize {
    if (-4095..0).contains(&result) {
        set(-result as i32);
        -1
    } else {
        result
    }
}
