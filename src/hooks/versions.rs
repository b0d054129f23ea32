//! Functions that are looked up by version.
//!
//! Of libgreen's functions none has a version, so a look-up of one passes them over and comes to libc's.
//! A library that stands in for libc's condition variables looks for the next ones so, since libc has
//! two of each (libfaketime): threads would wait by libc's function, and be woken by libgreen's. Where
//! the version is libc's default, and libgreen before libc in the order of the look-up, it is one
//! without a version here: that finds the first of all, as does a program that is linked.

use core::ffi::{CStr, c_char, c_void};

use super::symbol::check;
use crate::arch::chosen::chosen_frame;
use crate::glibc::real::real;
use crate::glibc::{deep_binding, handles, loader};

type Versioned = unsafe extern "C" fn(*mut c_void, *const c_char, *const c_char) -> *mut c_void;

/// Whether libgreen has a function of that name, and libc's default one has that version.
///
/// # Safety
/// C strings.
unsafe fn is_ours(name: *const c_char, version: *const c_char, versioned: Versioned) -> bool {
    // SAFETY: as the caller promises, here and below.
    if !deep_binding::defines(unsafe { CStr::from_ptr(name) }) {
        return false;
    }
    let Some(libc) = handles::of(c"libc.so.6") else {
        return false;
    };
    // SAFETY: an open handle.
    let (default, wanted) = unsafe { (libc::dlsym(libc, name), versioned(libc, name, version)) };
    !default.is_null() && default == wanted
}

/// libc's function that answers `dlvsym(handle, name, version)` for the code at `caller`.
///
/// # Safety
/// As for `dlvsym`.
unsafe extern "C" fn choose(
    handle: *mut c_void,
    name: *const c_char,
    version: *const c_char,
    caller: *const c_void,
) -> *const () {
    let versioned = real!(dlvsym: Versioned);
    let is_before_libc = if handle == libc::RTLD_NEXT {
        deep_binding::precedes_own(caller)
    } else {
        handle == libc::RTLD_DEFAULT || handle.cast_const() == loader::first().cast()
    };
    // SAFETY: as the caller promises.
    if is_before_libc && unsafe { is_ours(name, version, versioned) } {
        return real!(dlsym: unsafe extern "C" fn(*mut c_void, *const c_char) -> *mut c_void)
            as *const ();
    }
    versioned as *const ()
}

/// `dlvsym(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
#[unsafe(naked)]
pub unsafe extern "C-unwind" fn dlvsym(
    _: *mut c_void,
    _: *const c_char,
    _: *const c_char,
) -> *mut c_void {
    chosen_frame!(choose)
}
check!(dlvsym(_, _, _));
