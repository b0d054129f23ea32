//! Stacks that code runs on.
//!
//! A program or library may ask for executable stacks (`PT_GNU_STACK`; GCC's nested
//! functions put code there, and old objects that say nothing might). glibc then makes
//! its threads' stacks so, also those of running ones, before any code of the library
//! runs (elf/dl-load.c, dl-execstack.c). Stacks that a thread's creator has brought it
//! leaves alone, and so takes libgreen's for.

use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};

use super::loaded;
use crate::glibc::link_map::Map;
use crate::glibc::objects;
use crate::task::{Critical, reservation};

/// A forked child keeps it, as it keeps its libraries.
static EXECUTABLE: AtomicBool = AtomicBool::new(false);
/// How many objects were loaded, and which was the last one. A forked child keeps it likewise.
static COUNT: AtomicUsize = AtomicUsize::new(0);
/// A forked child keeps it likewise.
static LAST: AtomicPtr<Map> = AtomicPtr::new(ptr::null_mut());

/// Does what the objects want that are loaded: at load, and when something was loaded or is about to be.
/// (Where nobody says so, stacks stay as those want them that the program has been started with.) Not when
/// the first thread is made: that may be while somebody waits for it who holds the lock that this takes.
pub fn look() {
    if EXECUTABLE.load(Ordering::Relaxed) || !has_changed() {
        return;
    }
    let _critical = Critical::enter();
    if is_wanted() {
        // For good, as natively.
        EXECUTABLE.store(true, Ordering::Relaxed);
        reservation::make_executable();
    }
}

/// Whether other objects are loaded than when somebody last looked: who has opened what was loaded already has
/// not taken that lock. The caller holds the loader's other one, or is the only thread.
fn has_changed() -> bool {
    let (count, last) = objects::all().fold((0, ptr::null()), |(count, _), map| (count + 1, map));
    // Whatever is closed in between somebody looks at as well.
    let was = (
        COUNT.swap(count, Ordering::Relaxed),
        LAST.swap(last.cast_mut(), Ordering::Relaxed),
    );
    was != (count, last.cast_mut())
}

/// The caller is critical.
fn is_wanted() -> bool {
    loaded::any(|_, headers| {
        let stack = headers
            .iter()
            .find(|header| header.p_type == libc::PT_GNU_STACK);
        stack.is_none_or(|header| header.p_flags & libc::PF_X != 0)
    })
}
