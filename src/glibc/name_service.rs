//! libgreen as a name service of glibc's, in the place of its `dns`.
//!
//! nsswitch.conf(5) says which services glibc asks for a host, in which order and what it
//! makes of their answers. With `GREEN_RESOLVER=hub` the service `dns` of that line becomes
//! `green`: everything before, behind and around it, from /etc/hosts to the order of the
//! addresses, is still glibc's. It finds a service as a library of the name
//! `libnss_green.so.2`, which is libgreen's own (`DT_SONAME`, build.rs), and in it the
//! functions of `hooks/name_service.rs`.

use core::ffi::{CStr, c_char, c_int};
use core::sync::atomic::{AtomicBool, Ordering};
use std::ffi::CString;
use std::fs;

use super::handles;
use super::real::Real;

unsafe extern "C" {
    /// <nss.h>: `line` is what nsswitch.conf has for `database`.
    fn __nss_configure_lookup(database: *const c_char, line: *const c_char) -> c_int;
}

/// What libc would find libgreen by.
const LIBRARY: &CStr = c"libnss_green.so.2";

/// One of libc's own functions for its service `dns`, without which there is nothing to
/// replace.
pub static OF_LIBC: Real = Real::new(c"_nss_dns_gethostbyname4_r");

/// Whether the other services that glibc asks for hosts wait for nobody. A forked child keeps
/// it.
static ALONE: AtomicBool = AtomicBool::new(false);

/// See [`ALONE`].
pub fn serves_alone() -> bool {
    ALONE.load(Ordering::Relaxed)
}

/// Has glibc ask libgreen, once in the life of the process and its forked children.
pub fn enlist() {
    /// A forked child keeps it.
    static ENLISTED: AtomicBool = AtomicBool::new(false);
    if ENLISTED.swap(true, Ordering::Relaxed) {
        return;
    }
    let Some((line, alone)) = line() else { return };
    // SAFETY: C strings; an object that is loaded, for good.
    unsafe {
        if handles::of(LIBRARY).is_some() && !OF_LIBC.address().is_null() {
            let configured = __nss_configure_lookup(c"hosts".as_ptr(), line.as_ptr());
            ALONE.store(configured == 0 && alone, Ordering::Relaxed);
        }
    }
}

/// The line for hosts with `green` for `dns`, and whether only `files` and `myhostname` are
/// beside it; `None` if it is not there.
fn line() -> Option<(CString, bool)> {
    let text = fs::read("/etc/nsswitch.conf").unwrap_or_default();
    let text = String::from_utf8(text).ok()?;
    // The last line counts, and glibc's default is this one (nss/nss_database.c).
    let mut rest = text.lines().rev().find_map(of_hosts).unwrap_or("files dns");
    let mut line = String::new();
    let (mut has_dns, mut alone) = (false, true);
    while !rest.is_empty() {
        // A service, with its actions in brackets behind it, or what lies between two.
        let (word, after) = match rest.find(ends_service) {
            Some(0) if rest.starts_with('[') => rest.split_at(rest.find(']')? + 1),
            Some(0) => rest.split_at(1),
            Some(end) => rest.split_at(end),
            None => (rest, ""),
        };
        has_dns |= word == "dns";
        alone &= word.starts_with(ends_service) || matches!(word, "dns" | "files" | "myhostname");
        line.push_str(if word == "dns" { "green" } else { word });
        rest = after;
    }
    has_dns
        .then(|| Some((CString::new(line).ok()?, alone)))
        .flatten()
}

fn ends_service(letter: char) -> bool {
    letter.is_ascii_whitespace() || letter == '['
}

/// What `line` has for hosts. To glibc `#` is a service like any other.
fn of_hosts(line: &str) -> Option<&str> {
    let line = line.trim_start().strip_prefix("hosts")?;
    let services =
        line.trim_start_matches(|letter: char| letter.is_ascii_whitespace() || letter == ':');
    (services.len() < line.len()).then_some(services)
}
