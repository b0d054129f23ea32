//! The unwinder, which is loaded when somebody unwinds.
//!
//! Rust's standard library calls libgcc_s, for panics, and for landing pads, of which frames that the program's
//! code may unwind have none. glibc loads it for `pthread_cancel` and `pthread_exit` only
//! (misc/unwind-link.c). If libgreen needed it, every program would load it when it starts, for as long
//! as all else of libgreen takes there, and each fork would copy its mappings. So the calls go by
//! addresses that are found when the first of them is made.

use core::ffi::{CStr, c_int, c_void};
use core::mem;
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::loaded;
use crate::arch::found::found_function;
use crate::glibc::image::Image;
use crate::glibc::objects;
use crate::sys::report;
use crate::task::Critical;

const NAMES: [&CStr; 12] = [
    c"_Unwind_Backtrace",
    c"_Unwind_DeleteException",
    c"_Unwind_GetDataRelBase",
    c"_Unwind_GetIP",
    c"_Unwind_GetIPInfo",
    c"_Unwind_GetLanguageSpecificData",
    c"_Unwind_GetRegionStart",
    c"_Unwind_GetTextRelBase",
    c"_Unwind_RaiseException",
    c"_Unwind_Resume",
    c"_Unwind_SetGR",
    c"_Unwind_SetIP",
];

/// Of the functions with those names; 0 before they have been looked for. A forked child keeps them.
static ADDRESSES: [AtomicUsize; NAMES.len()] = [const { AtomicUsize::new(0) }; NAMES.len()];

found_function!("_Unwind_Backtrace", ADDRESSES[0], find);
found_function!("_Unwind_DeleteException", ADDRESSES[1], find);
found_function!("_Unwind_GetDataRelBase", ADDRESSES[2], find);
found_function!("_Unwind_GetIP", ADDRESSES[3], find);
found_function!("_Unwind_GetIPInfo", ADDRESSES[4], find);
found_function!("_Unwind_GetLanguageSpecificData", ADDRESSES[5], find);
found_function!("_Unwind_GetRegionStart", ADDRESSES[6], find);
found_function!("_Unwind_GetTextRelBase", ADDRESSES[7], find);
found_function!("_Unwind_RaiseException", ADDRESSES[8], find);
found_function!("_Unwind_Resume", ADDRESSES[9], find);
found_function!("_Unwind_SetGR", ADDRESSES[10], find);
found_function!("_Unwind_SetIP", ADDRESSES[11], find);

/// Has glibc load libgcc_s, if it can, and keep it: before a thread is cancelled, as `pthread_cancel` does, since
/// that one may be in the midst of anything. Not by `dlopen`, which makes the caller forget what `dlerror`
/// has to say: `backtrace(3)`, of no frames, does nothing else (debug/backtrace.c).
pub fn load() {
    /// A forked child keeps it.
    static LOADED: AtomicBool = AtomicBool::new(false);
    if LOADED.load(Ordering::Relaxed) {
        return;
    }
    let libc = objects::libc_image();
    let backtrace = libc.map_or(0, |libc| libc.definition(c"backtrace"));
    if backtrace != 0 {
        type Backtrace = unsafe extern "C" fn(*mut *mut c_void, c_int) -> c_int;
        // SAFETY: libc's function of that name, which writes nothing if there is room for nothing.
        unsafe { mem::transmute::<usize, Backtrace>(backtrace)(ptr::null_mut(), 0) };
    }
    LOADED.store(true, Ordering::Relaxed);
}

/// The address of the function that is called first. All others are found, too.
extern "C" fn find(index: usize) -> usize {
    // The program's own, if it has one, comes first, as if the loader had bound us.
    fill(objects::definition);
    load();
    let critical = Critical::enter();
    loaded::any(|info, headers| {
        let is_wanted = loaded::is_called(info, c"libgcc_s.so.1");
        let dynamic = headers
            .iter()
            .find(|header| header.p_type == libc::PT_DYNAMIC);
        let (true, Some(dynamic)) = (is_wanted, dynamic) else {
            return false;
        };
        let base = info.dlpi_addr as usize;
        // SAFETY: glibc keeps it loaded.
        let image = unsafe { Image::at(base, base + dynamic.p_vaddr as usize) };
        fill(|name| image.definition(name));
        true
    });
    drop(critical);
    match ADDRESSES[index].load(Ordering::Relaxed) {
        0 => {
            report::line(&[b"libgcc_s.so.1 must be installed for unwinding to work"]);
            // SAFETY: no arguments. As glibc where it cannot load it.
            unsafe { libc::abort() }
        }
        address => address,
    }
}

/// Takes for each function that is missing what `definition` finds by its name.
fn fill(definition: impl Fn(&CStr) -> usize) {
    for (name, address) in NAMES.iter().zip(&ADDRESSES) {
        if address.load(Ordering::Relaxed) == 0 {
            let found = definition(name);
            // Whoever else looks finds the same, or has looked where this one does next.
            if found != 0 {
                address.store(found, Ordering::Relaxed);
            }
        }
    }
}
