//! Programs that libgreen leaves alone: they are executed again without it.

use core::ffi::{CStr, c_char, c_int};
use core::mem::MaybeUninit;

use super::{report, text};
use crate::arch::weak::weak_address;

/// Room for a path, and for the value of `LD_PRELOAD`.
const LONGEST: usize = 4096;

unsafe extern "C" {
    fn setenv(name: *const c_char, value: *const c_char, overwrite: c_int) -> c_int;
    fn unsetenv(name: *const c_char) -> c_int;
}

/// Whether somebody else stands in for libc's locks. ThreadSanitizer does, to see who waits
/// for whom: from behind libgreen it sees nothing and takes everything for a race, and from
/// before it some of its calls go past libgreen to libc.
fn has_rival() -> bool {
    text::init();
    // SAFETY: a C string.
    let waits = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"pthread_cond_wait".as_ptr()) };
    weak_address!("__tsan_init") != 0 || (!waits.is_null() && !text::contains(waits.addr()))
}

/// Whether a path in `LD_PRELOAD` is that of this library, loaded from `own`.
fn is_own(path: &[u8], own: &[u8]) -> bool {
    fn name(path: &[u8]) -> Option<&[u8]> {
        path.rsplit(|byte| *byte == b'/').next()
    }
    name(path) == name(own)
}

/// Takes this library out of `LD_PRELOAD`: false if it is not there.
fn leave_environment() -> bool {
    let mut found = MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: an address of this library; strings that the loader and the environment keep.
    let (own, before) = unsafe {
        if libc::dladdr(is_own as *const _, found.as_mut_ptr()) == 0 {
            return false;
        }
        let before = libc::getenv(c"LD_PRELOAD".as_ptr());
        if before.is_null() {
            return false;
        }
        (
            CStr::from_ptr(found.assume_init().dli_fname).to_bytes(),
            CStr::from_ptr(before).to_bytes(),
        )
    };
    let mut rest = [0u8; LONGEST];
    let mut length = 0;
    let mut was_there = false;
    for path in before
        .split(|byte| matches!(byte, b':' | b' '))
        .filter(|path| !path.is_empty())
    {
        if is_own(path, own) {
            was_there = true;
            continue;
        }
        let separator = usize::from(length > 0);
        let end = length + separator + path.len();
        if end >= LONGEST {
            return false;
        }
        if separator == 1 {
            rest[length] = b':';
        }
        rest[length + separator..end].copy_from_slice(path);
        length = end;
    }
    // SAFETY: C strings; before the program's own code nobody else looks.
    was_there
        && unsafe {
            if length == 0 {
                unsetenv(c"LD_PRELOAD".as_ptr()) == 0
            } else {
                setenv(c"LD_PRELOAD".as_ptr(), rest.as_ptr().cast(), 1) == 0
            }
        }
}

/// Executes the program again without libgreen if that cannot be of use to it.
///
/// # Safety
/// `arguments` are the program's, before its own code runs.
pub unsafe fn check(arguments: *const *const c_char) {
    if !has_rival() || !leave_environment() {
        return;
    }
    report::line(&[b"ThreadSanitizer has to see every lock: running the program natively"]);
    let mut path = [0u8; LONGEST];
    // SAFETY: C strings, a live buffer that is zero at its end, and the program's own
    // arguments. A failure leaves everything as it was but for the variable.
    unsafe {
        let link = c"/proc/self/exe".as_ptr();
        libc::readlink(link, path.as_mut_ptr().cast(), LONGEST - 1);
        libc::execv(path.as_ptr().cast(), arguments);
        libc::execv(link, arguments);
    }
}
