//! `errno` at the ABI edge.
//!
//! Inside libgreen an operation returns `isize` as the kernel does: a result,
//! or `-errno`. Only the outermost hook turns that into `-1` and `errno`.

use core::ffi::{CStr, c_char};

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

/// What `code` means, in English.
pub fn describe(code: i32) -> &'static [u8] {
    unsafe extern "C" {
        /// glibc 2.32: a constant, or null for what is no errno.
        fn strerrordesc_np(code: i32) -> *const c_char;
    }
    // SAFETY: any code is allowed; the text is a constant.
    unsafe {
        let text = strerrordesc_np(code);
        if text.is_null() {
            b"unknown error"
        } else {
            CStr::from_ptr(text).to_bytes()
        }
    }
}

/// The kernel's convention out of libc's, for what returns nothing negative but `-1` with
/// `errno` set: that becomes `-errno`.
#[inline]
pub fn to_kernel(result: isize) -> isize {
    if result == -1 {
        -(get() as isize)
    } else {
        result
    }
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
