//! Where libgreen's own code lies, the kernel's that it calls, and libc's.
//!
//! The section `green_exposed` is that part of it in which a thread may be cancelled that
//! can be anywhere: functions without anything to drop or to put in order, that call others
//! for what is more than a few instructions. Programs may spend nearly all their time there.

use core::ops::Range;
use core::ptr;
use core::slice;
use core::sync::atomic::{AtomicUsize, Ordering};

use libc::{Elf64_Ehdr, Elf64_Phdr};

unsafe extern "C" {
    // The linker's name for where libgreen's own image begins.
    static __ehdr_start: Elf64_Ehdr;
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

    /// It is the segment that has the address `mark`, of the image with that header.
    ///
    /// # Safety
    /// The image is loaded, with its program headers.
    unsafe fn find(&self, image: *const Elf64_Ehdr, mark: usize) {
        // SAFETY: as the caller promises: the header says where those are.
        let headers = unsafe {
            let first = image.byte_add((*image).e_phoff as usize);
            slice::from_raw_parts(first.cast::<Elf64_Phdr>(), (*image).e_phnum.into())
        };
        let loaded = || {
            headers
                .iter()
                .filter(|header| header.p_type == libc::PT_LOAD)
        };
        // The image begins with its first segment.
        let bias = loaded()
            .next()
            .map_or(0, |first| image.addr() - first.p_vaddr as usize);
        for header in loaded() {
            let start = bias + header.p_vaddr as usize;
            let end = start + header.p_memsz as usize;
            if (start..end).contains(&mark) {
                self.start.store(start, Ordering::Relaxed);
                self.end.store(end, Ordering::Relaxed);
            }
        }
    }

    fn range(&self) -> Range<usize> {
        self.start.load(Ordering::Relaxed)..self.end.load(Ordering::Relaxed)
    }

    fn contains(&self, address: usize) -> bool {
        self.range().contains(&address)
    }
}

/// A forked child keeps it.
static OURS: Text = Text::new();
/// The vDSO, where libgreen reads clocks. A forked child keeps it.
static KERNELS: Text = Text::new();
/// libc, once it has been found. A forked child keeps it.
static LIBCS: Text = Text::new();

/// Finds out; before that nothing is our own. Takes no lock of the loader's: a constructor may wait, under
/// it, for a thread that is here.
pub fn init() {
    let own = &raw const __ehdr_start;
    // SAFETY: getauxval only reads; images that stay: libgreen's, and the kernel's, if there is one.
    unsafe {
        OURS.find(own, init as *const () as usize);
        let kernels = libc::getauxval(libc::AT_SYSINFO_EHDR) as usize;
        if kernels != 0 {
            KERNELS.find(kernels as *const Elf64_Ehdr, kernels);
        }
    }
}

/// libc is the image at the address `image`, and `function` one of its functions.
///
/// # Safety
/// That is so.
pub unsafe fn found_libc(image: usize, function: usize) {
    let image = ptr::with_exposed_provenance(image);
    // SAFETY: as the caller promises; it stays loaded.
    unsafe { LIBCS.find(image, function) };
}

/// The addresses of libc's code; none before it has been found.
pub fn libcs() -> Range<usize> {
    LIBCS.range()
}

/// Whether `address` is an instruction of libc. Async-signal-safe.
pub fn is_libcs(address: usize) -> bool {
    LIBCS.contains(address)
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
