//! Handles of objects that are loaded.

use core::ffi::{CStr, c_char, c_int, c_void};

use super::real::real;

/// The handle of the object of that name, if it is loaded.
///
/// By libc's own function, since a library that stands in for `dlopen` may hold a lock that it takes there
/// (heaptrack does). Those have no versions.
pub fn of(name: &CStr) -> Option<*mut c_void> {
    let open =
        real!(dlopen @ "GLIBC_2.34": unsafe extern "C" fn(*const c_char, c_int) -> *mut c_void);
    // SAFETY: a C string.
    let handle = unsafe { open(name.as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD) };
    (!handle.is_null()).then_some(handle)
}
