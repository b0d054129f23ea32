//! Programs that libgreen leaves alone are executed again without it, and those where it is in the
//! way of others are with it behind them.

use core::ffi::{CStr, c_char, c_int};

use super::objects;
use crate::arch::weak::weak_address;
use crate::sys::{report, text};

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

/// Some of the functions that libgreen does not leave to the next library.
const OURS: [&CStr; 16] = [
    c"accept",
    c"clock_nanosleep",
    c"close",
    c"connect",
    c"epoll_wait",
    c"nanosleep",
    c"poll",
    c"pthread_cond_timedwait",
    c"pthread_create",
    c"pthread_mutex_lock",
    c"read",
    c"recv",
    c"select",
    c"sem_wait",
    c"sleep",
    c"write",
];

/// Whether a library behind this one, but before libc, stands in for functions as well: it
/// would not be called any more.
fn passes_over() -> bool {
    objects::libc_image().is_some_and(|libc| {
        OURS.iter().any(|name| {
            // SAFETY: a C string.
            let next = unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) };
            next.addr() != libc.definition(name)
        })
    })
}

/// Whether the loader has been executed by its name, with the program for an argument.
fn is_loader_executed() -> bool {
    // SAFETY: getauxval only reads.
    unsafe { libc::getauxval(libc::AT_BASE) == 0 }
}

/// Where this library is to be in `LD_PRELOAD`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Nowhere,
    Last,
}

/// Moves this library in `LD_PRELOAD`: false if it is there already, or was not in it.
fn move_in_environment(place: Place) -> bool {
    let Some(own) = objects::own() else {
        return false;
    };
    // SAFETY: strings that the loader and the environment keep.
    let (own, before) = unsafe {
        let before = libc::getenv(c"LD_PRELOAD".as_ptr());
        if before.is_null() {
            return false;
        }
        (
            CStr::from_ptr((*own).name).to_bytes(),
            CStr::from_ptr(before).to_bytes(),
        )
    };
    let mut rest = [0u8; LONGEST];
    let mut length = 0;
    let mut append = |path: &[u8]| {
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
        true
    };
    let mut there: Option<&[u8]> = None;
    let mut is_last = false;
    for path in before
        .split(|byte| matches!(byte, b':' | b' '))
        .filter(|path| !path.is_empty())
    {
        is_last = is_own(path, own);
        if is_last {
            there = Some(path);
        } else if !append(path) {
            return false;
        }
    }
    let moves = match (place, there) {
        (_, None) => false,
        (Place::Nowhere, Some(_)) => true,
        (Place::Last, Some(path)) => !is_last && passes_over() && append(path),
    };
    // SAFETY: C strings; before the program's own code nobody else looks.
    moves
        && unsafe {
            if length == 0 {
                unsetenv(c"LD_PRELOAD".as_ptr()) == 0
            } else {
                setenv(c"LD_PRELOAD".as_ptr(), rest.as_ptr().cast(), 1) == 0
            }
        }
}

/// Executes the program again, without libgreen if that cannot be of use to it, or with libgreen
/// behind other libraries.
///
/// # Safety
/// `arguments` are the program's, before its own code runs.
pub unsafe fn check(arguments: *const *const c_char) {
    let place = if has_rival() {
        Place::Nowhere
    } else {
        Place::Last
    };
    if is_loader_executed() || !move_in_environment(place) {
        return;
    }
    if place == Place::Nowhere {
        report::line(&[b"ThreadSanitizer has to see every lock: running the program natively"]);
    }
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
