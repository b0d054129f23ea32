//! The list of loaded objects.

use core::ffi::{c_int, c_void};

use libc::{dl_phdr_info, size_t};

use super::symbol::check;
use crate::glibc::loader;
use crate::glibc::real::real;
use crate::sched::tie;

type Callback = unsafe extern "C" fn(*mut dl_phdr_info, size_t, *mut c_void) -> c_int;

/// `dl_iterate_phdr(3)`: runs the program's code with a lock of the loader's, for which some wait on
/// their kernel threads. A thread that parked with it might find none left to go on: to make a further one takes the
/// loader's locks, too. So it is tied, by [the lock](crate::sync::loader_lock) itself where libc is patched. (Left by unwinding it
/// stays tied.)
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn dl_iterate_phdr(
    callback: Option<Callback>,
    data: *mut c_void,
) -> c_int {
    let real = real!(dl_iterate_phdr(_, _));
    if loader::locks_are_patched() {
        // SAFETY: as the caller promises.
        return unsafe { real(callback, data) };
    }
    tie::tie_briefly();
    // SAFETY: as the caller promises.
    let result = unsafe { real(callback, data) };
    tie::untie_brief();
    result
}
check!(dl_iterate_phdr(_, _));
