//! `dlopen` and `dlmopen`: the first one has libgreen ask to be told of what the loader loads.
//!
//! libc's functions go by who calls them, so a hook has left its frame before it enters them, as if it had
//! never been called.

use core::ffi::{c_char, c_int, c_void};

use super::symbol::check;
use crate::arch::chosen::chosen_frame;
use crate::glibc::loader;
use crate::glibc::real::real;
use crate::runtime;
use crate::sched::loading;

extern "C" fn real_dlopen() -> *const () {
    runtime::watch_loader();
    loading::before();
    real!(dlopen(_, _)) as *const ()
}

extern "C" fn real_dlmopen(namespace: libc::Lmid_t) -> *const () {
    if namespace != libc::LM_ID_BASE {
        loader::expect_namespaces();
    }
    runtime::watch_loader();
    loading::before();
    real!(dlmopen(_, _, _)) as *const ()
}

/// `dlopen(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
#[unsafe(naked)]
pub unsafe extern "C-unwind" fn dlopen(_: *const c_char, _: c_int) -> *mut c_void {
    chosen_frame!(real_dlopen)
}
check!(dlopen(_, _));

/// `dlmopen(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
#[unsafe(naked)]
pub unsafe extern "C-unwind" fn dlmopen(
    _: libc::Lmid_t,
    _: *const c_char,
    _: c_int,
) -> *mut c_void {
    chosen_frame!(real_dlmopen)
}
check!(dlmopen(_, _, _));
