//! Lookups of names that do not come to their end.

use core::ffi::c_void;

use super::real::real;
use super::resolver::{__res_state, State};

/// `struct resolv_context` (glibc, resolv/resolv_context.h): a lookup of the calling thread's that
/// is under way.
#[repr(C)]
struct Context {
    state: *const State,
    configuration: *const c_void,
    /// How many of the functions that it is made of have it.
    uses: usize,
    /// Whether the state is the thread's, and not one that the program has brought.
    is_threads: bool,
    /// The lookup that this one is in the middle of.
    outer: *mut Context,
}

type Get = unsafe extern "C" fn(*mut State) -> *mut Context;
type Put = unsafe extern "C" fn(*mut Context);

/// What libc opens a lookup of a given state by, and ends one.
fn functions() -> Option<(Get, Put)> {
    let get = real!(__resolv_context_get_override: Option<Get>)?;
    let put = real!(__resolv_context_put: Option<Put>)?;
    Some((get, put))
}

/// Whether a lookup that does not come to its end can be [forgotten](forget).
pub fn can_forget() -> bool {
    functions().is_some()
}

/// Forgets lookups that the calling thread has been unwound out of: glibc does that at the end of
/// a thread (`__resolv_context_freeres`). Left, their contexts would be the next one's as well.
pub fn forget() {
    /// More than there are functions, and more than call each other.
    const MOST: usize = 16;
    let Some((get, put)) = functions() else {
        return;
    };
    for _ in 0..MOST {
        // SAFETY: a context more, inside those that are left, tells of them; each is given back as often
        // as it was taken. Of its state only what is the context's own is looked at.
        unsafe {
            let inside = get(__res_state());
            if inside.is_null() {
                return;
            }
            let left = (*inside).outer;
            put(inside);
            if left.is_null() || !(1..MOST).contains(&(*left).uses) {
                return;
            }
            let uses = if (*left).is_threads { (*left).uses } else { 1 };
            for _ in 0..uses {
                put(left);
            }
        }
    }
}
