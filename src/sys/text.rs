//! Where libgreen's own code lies.

use core::ffi::c_void;
use core::sync::atomic::{AtomicUsize, Ordering};

static START: AtomicUsize = AtomicUsize::new(0);
static END: AtomicUsize = AtomicUsize::new(0);

/// Finds out; before that nothing is our own.
pub fn init() {
    // SAFETY: the callback gets what it expects.
    unsafe { libc::dl_iterate_phdr(Some(visit), core::ptr::null_mut()) };
}

/// Whether `address` is an instruction of libgreen. Async-signal-safe.
pub fn contains(address: usize) -> bool {
    (START.load(Ordering::Relaxed)..END.load(Ordering::Relaxed)).contains(&address)
}

/// Called for each loaded object until it is ours.
unsafe extern "C" fn visit(info: *mut libc::dl_phdr_info, _: usize, _: *mut c_void) -> i32 {
    // SAFETY: dl_iterate_phdr passes a valid object with its program headers.
    let (base, headers) = unsafe {
        let info = &*info;
        let headers = core::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum as usize);
        (info.dlpi_addr as usize, headers)
    };
    let ours = init as *const () as usize;
    for header in headers {
        let start = base + header.p_vaddr as usize;
        let end = start + header.p_memsz as usize;
        if header.p_type == libc::PT_LOAD && (start..end).contains(&ours) {
            START.store(start, Ordering::Relaxed);
            END.store(end, Ordering::Relaxed);
            return 1;
        }
    }
    0
}
