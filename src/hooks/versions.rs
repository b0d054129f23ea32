//! Functions that are looked up by version.
//!
//! Of libgreen's functions none has a version, so a look-up of one passes them over and comes to libc's.
//! A library that stands in for libc's condition variables looks for the next ones so, since libc has
//! two of each (libfaketime): threads would wait by libc's function, and be woken by libgreen's. Where
//! the version is libc's default, and libgreen before libc in the order of the look-up, it is one
//! without a version here: that finds the first of all, as does a program that is linked.
//!
//! A program that stands in for `dlsym` looks for libc's by version, and ThreadSanitizer, where it is part of the
//! program, looks for all that it stands in for before libc has been set up: so nothing here calls `dlsym` or
//! `dlopen` by its name.

use core::ffi::{CStr, c_char, c_void};
use core::sync::atomic::{AtomicUsize, Ordering};

use super::symbol::check;
use crate::arch::chosen::chosen_frame;
use crate::glibc::{link_map, objects};

/// A function of libc's, once it is known.
struct Libcs(AtomicUsize);

impl Libcs {
    /// Its address: libc has one of each name here, by two versions.
    fn address(&self, name: &CStr) -> usize {
        let mut address = self.0.load(Ordering::Relaxed);
        if address == 0 {
            address = objects::libc_image().map_or(0, |libc| libc.definition(name));
            self.0.store(address, Ordering::Relaxed);
        }
        address
    }
}

/// A forked child keeps it, as it keeps libc.
static DLSYM: Libcs = Libcs(AtomicUsize::new(0));
/// A forked child keeps it likewise.
static DLVSYM: Libcs = Libcs(AtomicUsize::new(0));

/// Whether libgreen has a function of that name, and libc's default one has that version.
fn is_ours(name: &CStr, version: &CStr) -> bool {
    objects::own_image().is_some_and(|own| own.definition(name) != 0)
        && objects::libc_image().is_some_and(|libc| {
            let wanted = libc.versioned_definition(name, version);
            wanted != 0 && wanted == libc.definition(name)
        })
}

/// Which of libc's functions answers `dlvsym(handle, name, version)` for the code at `caller`: its address.
///
/// # Safety
/// As for `dlvsym`.
unsafe extern "C" fn choose(
    handle: *mut c_void,
    name: *const c_char,
    version: *const c_char,
    caller: *const c_void,
) -> usize {
    let is_before_libc = if handle == libc::RTLD_NEXT {
        objects::precedes_own(caller)
    } else {
        handle == libc::RTLD_DEFAULT || handle.cast_const() == link_map::first().cast()
    };
    // SAFETY: C strings, as the caller promises.
    let is_ours = || unsafe { is_ours(CStr::from_ptr(name), CStr::from_ptr(version)) };
    if is_before_libc && is_ours() {
        DLSYM.address(c"dlsym")
    } else {
        DLVSYM.address(c"dlvsym")
    }
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
