//! What the environment asks for. Nonsense is reported in one line and ignored.

use core::ffi::CStr;
use core::sync::atomic::{AtomicUsize, Ordering};

use crate::sched::slot::MAX_SLOTS;
use crate::sys::report;

/// 0: not asked for.
static WORKERS: AtomicUsize = AtomicUsize::new(0);
static STACK_SIZE: AtomicUsize = AtomicUsize::new(0);

/// Slots unless `GREEN_WORKERS` says otherwise; see docs/design.md for the
/// measurements behind it.
const DEFAULT_WORKERS: usize = 1;

fn variable(name: &CStr) -> Option<&'static [u8]> {
    // SAFETY: getenv reads the environment; called from the constructor, before
    // the program can change it.
    let value = unsafe { libc::getenv(name.as_ptr()) };
    // SAFETY: a non-null value is a C string that stays.
    (!value.is_null()).then(|| unsafe { CStr::from_ptr(value) }.to_bytes())
}

fn number(text: &[u8]) -> Option<usize> {
    core::str::from_utf8(text).ok()?.trim().parse().ok()
}

/// A size in bytes, with an optional `K`, `M` or `G`.
fn size(text: &[u8]) -> Option<usize> {
    let (digits, unit) = match text.split_last()? {
        (b'k' | b'K', digits) => (digits, 1 << 10),
        (b'm' | b'M', digits) => (digits, 1 << 20),
        (b'g' | b'G', digits) => (digits, 1 << 30),
        _ => (text, 1),
    };
    number(digits)?.checked_mul(unit)
}

/// Reads the environment, once, at load.
pub fn init() {
    if let Some(text) = variable(c"GREEN_WORKERS") {
        match number(text) {
            Some(count @ 1..=MAX_SLOTS) => WORKERS.store(count, Ordering::Relaxed),
            _ => report::line(&[
                b"GREEN_WORKERS=",
                text,
                b" is not a number from 1 to 64; using the default",
            ]),
        }
    }
    if let Some(text) = variable(c"GREEN_STACK_SIZE") {
        match size(text) {
            Some(bytes @ 16_384..=0x4000_0000) => STACK_SIZE.store(bytes, Ordering::Relaxed),
            _ => report::line(&[
                b"GREEN_STACK_SIZE=",
                text,
                b" is not a size from 16K to 1G; using the default",
            ]),
        }
    }
}

/// The number of slots.
pub fn workers() -> usize {
    match WORKERS.load(Ordering::Relaxed) {
        0 => DEFAULT_WORKERS,
        count => count,
    }
}

/// The stack size in bytes for threads whose creator does not ask for one.
pub fn stack_size() -> Option<usize> {
    match STACK_SIZE.load(Ordering::Relaxed) {
        0 => None,
        bytes => Some(bytes),
    }
}
