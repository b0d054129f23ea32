//! Functions that are looked up by version.
//!
//! Of libgreen's functions none has a version, so a look-up of one passes them over and comes to libc's.
//! A library that stands in for libc's condition variables looks for the next ones so, since libc has
//! two of each (libfaketime): threads would wait by libc's function, and be woken by libgreen's. Where
//! the version is libc's default, and libgreen before libc in the order of the look-up, it is one
//! without a version here: that finds the first of all, as does a program that is linked.
//!
//! A program that stands in for `dlsym` looks for libc's by version: so nothing here calls `dlsym` by its
//! name.

use core::ffi::{CStr, c_char, c_void};
use core::sync::atomic::{AtomicUsize, Ordering};

use super::symbol::check;
use crate::arch::chosen::chosen_frame;
use crate::glibc::{deep_binding, handles, loader};

type LookUp = unsafe extern "C" fn(*mut c_void, *const c_char) -> *mut c_void;
type LookUpVersion = unsafe extern "C" fn(*mut c_void, *const c_char, *const c_char) -> *mut c_void;

/// A function of libc's, once it is known.
struct Libcs(AtomicUsize);

impl Libcs {
    /// Its address: libc has one of each name here, by two versions.
    fn address(&self, name: &CStr) -> usize {
        let mut address = self.0.load(Ordering::Relaxed);
        if address == 0 {
            address = deep_binding::libcs(name);
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
///
/// # Safety
/// C strings, and libc's functions.
unsafe fn is_ours(
    name: *const c_char,
    version: *const c_char,
    (look_up, look_up_version): (usize, usize),
) -> bool {
    // SAFETY: as the caller promises, here and below.
    if !deep_binding::defines(unsafe { CStr::from_ptr(name) }) {
        return false;
    }
    let Some(libc) = handles::of(c"libc.so.6") else {
        return false;
    };
    // SAFETY: of these types; an open handle.
    let (default, wanted) = unsafe {
        let look_up = core::mem::transmute::<usize, LookUp>(look_up);
        let look_up_version = core::mem::transmute::<usize, LookUpVersion>(look_up_version);
        (look_up(libc, name), look_up_version(libc, name, version))
    };
    !default.is_null() && default == wanted
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
    let libcs = (DLSYM.address(c"dlsym"), DLVSYM.address(c"dlvsym"));
    let is_before_libc = if handle == libc::RTLD_NEXT {
        deep_binding::precedes_own(caller)
    } else {
        handle == libc::RTLD_DEFAULT || handle.cast_const() == loader::first().cast()
    };
    // SAFETY: as the caller promises.
    if is_before_libc && unsafe { is_ours(name, version, libcs) } {
        libcs.0
    } else {
        libcs.1
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
