//! The objects that are loaded, for who does not hold the loader's lock.

use core::ffi::{CStr, c_void};
use core::slice;

use libc::{Elf64_Phdr, dl_phdr_info};

use crate::glibc::real::real;
use crate::glibc::tcb::Tcb;

type Callback = unsafe extern "C" fn(*mut dl_phdr_info, usize, *mut c_void) -> i32;
type Iterate = unsafe extern "C" fn(Option<Callback>, *mut c_void) -> i32;

/// Whether `looks` says so of any object but the kernel's own, as `dl_iterate_phdr(3)` shows them, and is
/// asked no more then. It uses no dynamic TLS. The caller is critical.
pub fn any<F: FnMut(&dl_phdr_info, &[Elf64_Phdr]) -> bool>(mut looks: F) -> bool {
    let iterate = real!(dl_iterate_phdr: Iterate);
    let data = (&raw mut looks).cast::<c_void>();
    // dl_iterate_phdr also tells where the caller has a module's variables. In the middle of
    // a dlopen modules have ids already that the loader has no record of, and it would look
    // for that beyond its list: but not where the caller has no variables at all.
    // SAFETY: the callback gets what it expects, and like the loader's own code uses no
    // dynamic TLS; handlers wait for the end of the critical section.
    unsafe { Tcb::current().without_modules(|| iterate(Some(visit::<F>), data)) != 0 }
}

/// Called for each loaded object, until it returns 1.
unsafe extern "C" fn visit<F: FnMut(&dl_phdr_info, &[Elf64_Phdr]) -> bool>(
    info: *mut dl_phdr_info,
    _: usize,
    looks: *mut c_void,
) -> i32 {
    // SAFETY: dl_iterate_phdr passes a valid object with its program headers, and what `any` gave it.
    let (info, headers, looks) = unsafe {
        let info = &*info;
        let headers = slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum as usize);
        (info, headers, &mut *looks.cast::<F>())
    };
    // SAFETY: getauxval only reads.
    let kernel = unsafe { libc::getauxval(libc::AT_SYSINFO_EHDR) };
    let is_kernel = info.dlpi_addr != 0 && info.dlpi_addr == kernel;
    i32::from(!is_kernel && looks(info, headers))
}

/// Whether the object's file is called so, wherever it lies.
pub fn is_called(info: &dl_phdr_info, name: &CStr) -> bool {
    if info.dlpi_name.is_null() {
        return false;
    }
    // SAFETY: the name of a loaded object.
    let path = unsafe { CStr::from_ptr(info.dlpi_name) }.to_bytes();
    path.rsplit(|byte| *byte == b'/').next() == Some(name.to_bytes())
}
