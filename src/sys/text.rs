//! Where libgreen's own code lies, and the kernel's that it calls.
//!
//! The section `green_exposed` is that part of it in which a thread may be cancelled that
//! can be anywhere: functions without anything to drop or to put in order, that call others
//! for what is more than a few instructions. Programs may spend nearly all their time there.

use core::ffi::c_void;
use core::sync::atomic::{AtomicUsize, Ordering};

unsafe extern "C" {
    // The linker's names for the bounds of the section.
    static __start_green_exposed: u8;
    static __stop_green_exposed: u8;
}

/// A stretch of code.
struct Text {
    start: AtomicUsize,
    end: AtomicUsize,
}

impl Text {
    const fn new() -> Self {
        Self {
            start: AtomicUsize::new(0),
            end: AtomicUsize::new(0),
        }
    }

    fn contains(&self, address: usize) -> bool {
        (self.start.load(Ordering::Relaxed)..self.end.load(Ordering::Relaxed)).contains(&address)
    }
}

/// A forked child keeps it.
static OURS: Text = Text::new();
/// The vDSO, where libgreen reads clocks. A forked child keeps it.
static KERNELS: Text = Text::new();

/// Finds out; before that nothing is our own.
pub fn init() {
    // SAFETY: the callback gets what it expects.
    unsafe { libc::dl_iterate_phdr(Some(visit), core::ptr::null_mut()) };
}

/// Whether `address` is an instruction of libgreen. Async-signal-safe.
pub fn contains(address: usize) -> bool {
    OURS.contains(address)
}

/// Whether `address` may be an instruction that libgreen executes for a call of the
/// program's, and where that must not be left. Async-signal-safe.
pub fn is_runtime(address: usize) -> bool {
    let start = (&raw const __start_green_exposed).addr();
    let end = (&raw const __stop_green_exposed).addr();
    (OURS.contains(address) || KERNELS.contains(address)) && !(start..end).contains(&address)
}

/// Called for each loaded object.
unsafe extern "C" fn visit(info: *mut libc::dl_phdr_info, _: usize, _: *mut c_void) -> i32 {
    // SAFETY: dl_iterate_phdr passes a valid object with its program headers.
    let (base, headers) = unsafe {
        let info = &*info;
        let headers = core::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum as usize);
        (info.dlpi_addr as usize, headers)
    };
    // SAFETY: no preconditions.
    let vdso = unsafe { libc::getauxval(libc::AT_SYSINFO_EHDR) } as usize;
    let marks = [(&OURS, init as *const () as usize), (&KERNELS, vdso)];
    for header in headers {
        let start = base + header.p_vaddr as usize;
        let end = start + header.p_memsz as usize;
        for (text, mark) in &marks {
            if header.p_type == libc::PT_LOAD && (start..end).contains(mark) {
                text.start.store(start, Ordering::Relaxed);
                text.end.store(end, Ordering::Relaxed);
            }
        }
    }
    0
}
