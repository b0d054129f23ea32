//! Functions that are looked up by version.
//!
//! libgreen's have none, so the loader passes over them there. Another library that stands in for
//! functions, before libgreen, asks for the next `pthread_cond_wait` like that, since there are
//! two in libc; it would get libc's, which knows nothing of libgreen's queues.

use core::ffi::{c_char, c_void};

use super::symbol::check;
use crate::arch::lookup::lookup_frame;
use crate::glibc::real::real;

/// Who is to answer a `dlvsym` with these arguments: `dlsym`, where the version is that of
/// libgreen's function of the name, the default one.
unsafe extern "C" fn choose(
    handle: *mut c_void,
    name: *const c_char,
    version: *const c_char,
) -> *mut c_void {
    let by_version = real!(dlvsym(_, _, _));
    if handle == libc::RTLD_NEXT || handle == libc::RTLD_DEFAULT {
        // SAFETY: the caller's own arguments.
        let (wanted, default) = unsafe {
            (
                by_version(libc::RTLD_NEXT, name, version),
                libc::dlsym(libc::RTLD_NEXT, name),
            )
        };
        if !wanted.is_null() && wanted == default {
            return libc::dlsym as *mut c_void;
        }
    }
    by_version as *mut c_void
}

/// `dlvsym(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn dlvsym(
    handle: *mut c_void,
    name: *const c_char,
    version: *const c_char,
) -> *mut c_void {
    lookup_frame!(choose)
}
check!(dlvsym(_, _, _));
