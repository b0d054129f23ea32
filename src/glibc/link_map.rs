//! What <link.h> shows of the loader: the list of the objects that are loaded, and where it calls debuggers.

use core::ffi::c_char;
use core::ptr;

/// The beginning of glibc's `struct link_map`, which <link.h> shows.
#[repr(C)]
pub struct Map {
    /// What is added to the addresses in the object's file.
    pub base: usize,
    /// The path of its file, as the loader has found it: a C string.
    pub name: *const c_char,
    /// The address of the dynamic section.
    pub dynamic: usize,
    /// The one after it, or null.
    pub next: *const Map,
    previous: *const Map,
}

/// `struct r_debug_extended` of <link.h>.
#[repr(C)]
struct Debug {
    version: i32,
    map: *const Map,
    /// The function's address.
    breakpoint: usize,
    state: i32,
    /// Where the loader itself is.
    base: usize,
    /// That of the next namespace, or null; only where the version says that it is there.
    next: *const Debug,
}

// SAFETY: the loader's own, which changes under its lock.
unsafe impl Sync for Debug {}

unsafe extern "C" {
    static _r_debug: Debug;
}

/// The first of the loaded objects: the program.
pub fn first() -> *const Map {
    // SAFETY: the loader's own, filled in before any program starts.
    unsafe { _r_debug.map }
}

/// Where the loader begins; 0 where that is not known.
pub fn loader() -> usize {
    // SAFETY: filled in before any program starts.
    unsafe { _r_debug.base }
}

/// The function that the loader calls before and after each change of what is loaded; 0 if none.
pub fn breakpoint() -> usize {
    // SAFETY: as above.
    unsafe { _r_debug.breakpoint }
}

/// Whether there are namespaces beside the program's, as far as the loader shows: of those that were made by `dlmopen`, or for
/// auditors, glibc shows nothing before 2.35.
pub fn has_namespaces() -> bool {
    const SHOWS_NEXT: i32 = 2;
    // SAFETY: as above. The version is changed before the next one is linked in.
    unsafe {
        ptr::read_volatile(&raw const _r_debug.version) >= SHOWS_NEXT
            && !ptr::read_volatile(&raw const _r_debug.next).is_null()
    }
}
