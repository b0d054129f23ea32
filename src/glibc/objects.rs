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

/// The loaded objects, the program first. The caller holds the loader's lock, or is the only thread.
pub fn all() -> impl Iterator<Item = *const Map> {
    let some = |map: *const Map| (!map.is_null()).then_some(map);
    iter::successors(some(link_map::first()), move |map| {
        // SAFETY: loaded, as nobody changes the list.
        some(unsafe { (**map).next })
    })
}

/// Those that the program has been started with, as far as libc and the loader, whichever comes last: they
/// stay, and so does their order, while others behind them are opened and closed. Takes no lock, in contrast
/// to `dlsym` and `dladdr`: a constructor may wait, under the loader's, for a thread that is here.
fn lasting() -> impl Iterator<Item = *const Map> {
    let (mut next, mut left) = (link_map::first(), 2);
    iter::from_fn(move || {
        let map = (left > 0 && !next.is_null()).then_some(next)?;
        // SAFETY: loaded, and it stays.
        next = unsafe { (*map).next };
        left -= u32::from(is_libc(map)) + u32::from(is_loader(map));
        Some(map)
    })
}

unsafe extern "C" {
    /// The dynamic section of the object that says this: libgreen's own. The linker
    /// defines it. A forked child keeps it.
    static _DYNAMIC: c_void;
}

fn is_own(map: *const Map) -> bool {
    // SAFETY: one of those that stay loaded, here and below.
    unsafe { (*map).dynamic == (&raw const _DYNAMIC).addr() }
}

/// libc is known by a function of its that nobody stands in for.
fn is_libc(map: *const Map) -> bool {
    // SAFETY: as above.
    unsafe { Image::of(map) }.definition(c"gnu_get_libc_version") != 0
}

fn is_loader(map: *const Map) -> bool {
    // SAFETY: as above.
    unsafe { (*map).base == link_map::loader() }
}

/// libgreen.
pub fn own() -> Option<*const Map> {
    lasting().find(|map| is_own(*map))
}

/// libc.
pub fn libc() -> Option<*const Map> {
    lasting().find(|map| is_libc(*map))
}

/// The loader.
pub fn loader() -> Option<*const Map> {
    lasting().find(|map| is_loader(*map))
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

/// Whether the program has an allocator that is not libc's.
pub fn has_own_allocator() -> bool {
    libc_image().is_some_and(|libc| definition(c"malloc") != libc.definition(c"malloc"))
}

/// The function of that name that the loader finds first, but for libgreen's; 0 if there is none among those that
/// the program has been started with.
pub fn definition(name: &CStr) -> usize {
    lasting()
        .filter(|map| !is_own(*map))
        // SAFETY: they stay loaded.
        .map(|map| unsafe { Image::of(map) }.definition(name))
        .find(|address| *address != 0)
        .unwrap_or(0)
}

/// The function of that name, and version if any, of the next object after libgreen in the order of the
/// look-up; 0 if there is none among those that the program has been started with.
pub fn next_definition(name: &CStr, version: Option<&CStr>) -> usize {
    let behind = lasting().skip_while(|map| !is_own(*map)).skip(1);
    behind
        // SAFETY: they stay loaded.
        .map(|map| unsafe { Image::of(map) })
        .map(|image| match version {
            Some(version) => image.versioned_definition(name, version),
            None => image.definition(name),
        })
        .find(|address| *address != 0)
        .unwrap_or(0)
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

/// Where an object begins. The caller holds the loader's lock, or is to take it anyway.
///
/// # Safety
/// It is loaded.
pub unsafe fn start_of(map: *const Map) -> Option<usize> {
    // SAFETY: as the caller promises.
    start_at(unsafe { (*map).dynamic } as *const c_void)
}

/// Whether the object that has the address is searched before libgreen, where everybody looks. Takes the
/// loader's lock, as `dlvsym` does.
pub fn precedes_own(address: *const c_void) -> bool {
    let Some(start) = start_at(address) else {
        return false;
    };
    lasting()
        .take_while(|map| !is_own(*map))
        // SAFETY: they stay loaded.
        .any(|map| unsafe { start_of(map) } == Some(start))
}
