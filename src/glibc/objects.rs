//! The objects that the loader has loaded.
//!
//! They are found in the loader's own list, and functions in them by their tables, not by `dlopen` and
//! `dlsym`: where libc has been loaded but not set up yet (before the first constructor: in a
//! `DT_PREINIT_ARRAY`, as ThreadSanitizer has one) to open it by name means to set it up, without the
//! program's arguments and environment, and for good. And natively nothing loads anything when a thread is
//! created: a library that stands in for `dlopen` may be creating one with a lock held that it takes there
//! (heaptrack does).

use core::ffi::{CStr, c_void};
use core::iter;
use core::mem::MaybeUninit;

use super::image::Image;
use super::link_map::{self, Map};

/// The loaded objects, the program first, then those that it has been started with, which stay. Who goes
/// on beyond them holds the loader's lock, or is the only thread.
pub fn all() -> impl Iterator<Item = *const Map> {
    let some = |map: *const Map| (!map.is_null()).then_some(map);
    iter::successors(some(link_map::first()), move |map| {
        // SAFETY: loaded, as nobody changes the list.
        some(unsafe { (**map).next })
    })
}

/// Where the object begins that has the address.
fn start_at(address: *const c_void) -> Option<usize> {
    let mut found = MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: `found` is writable, and zeros are valid.
    unsafe {
        (libc::dladdr(address, found.as_mut_ptr()) != 0)
            .then(|| found.assume_init().dli_fbase as usize)
    }
}

/// Where an object begins.
///
/// # Safety
/// It is loaded.
pub unsafe fn start_of(map: *const Map) -> Option<usize> {
    // SAFETY: as the caller promises.
    start_at(unsafe { (*map).dynamic } as *const c_void)
}

/// The object that has the address, one that the program has been started with.
pub fn with(address: *const c_void) -> Option<*const Map> {
    let base = start_at(address)?;
    // SAFETY: a loaded object.
    all().find(|map| unsafe { (**map).base } == base)
}

/// libgreen.
pub fn own() -> Option<*const Map> {
    with(own as *const c_void)
}

/// libc, known by a function of its that nobody stands in for.
pub fn libc() -> Option<*const Map> {
    with(libc::gnu_get_libc_version as *const c_void)
}

/// What libgreen defines.
pub fn own_image() -> Option<Image> {
    // SAFETY: it stays loaded, here and below.
    own().map(|map| unsafe { Image::of(map) })
}

/// What libc defines.
pub fn libc_image() -> Option<Image> {
    // SAFETY: as above.
    libc().map(|map| unsafe { Image::of(map) })
}

unsafe extern "C" {
    /// The dynamic section of the object that says this: libgreen's own. The linker
    /// defines it. A forked child keeps it.
    static _DYNAMIC: c_void;
}

/// The function of that name, and version if any, of the next object after libgreen in the order of the
/// look-up, down to libc; 0 if there is none. Takes no lock, in contrast to `dlsym` and `dladdr`: a
/// constructor may wait, under the loader's, for a thread that is here.
pub fn next_definition(name: &CStr, version: Option<&CStr>) -> usize {
    let mut is_behind = false;
    for map in all() {
        // SAFETY: what the program has been started with stays loaded; libc is one of that.
        let (image, dynamic) = unsafe { (Image::of(map), (*map).dynamic) };
        if is_behind {
            let address = match version {
                Some(version) => image.versioned_definition(name, version),
                None => image.definition(name),
            };
            if address != 0 {
                return address;
            }
        }
        if image.definition(c"gnu_get_libc_version") != 0 {
            break;
        }
        is_behind |= dynamic == (&raw const _DYNAMIC).addr();
    }
    0
}

/// Whether the object that has the address is searched before libgreen, where everybody looks.
pub fn precedes_own(address: *const c_void) -> bool {
    let (Some(own), Some(start)) = (start_at(own as *const c_void), start_at(address)) else {
        return false;
    };
    all()
        // SAFETY: a loaded object.
        .filter_map(|map| unsafe { start_of(map) })
        .take_while(|object| *object != own)
        .any(|object| object == start)
}
