//! What libgreen has to tell the user: one line on stderr, once.

use core::sync::atomic::{AtomicBool, Ordering};

use super::raw::syscall;

/// Writes `libgreen: <message>` to standard error in one `write`, without
/// allocation. Messages longer than the buffer are cut.
pub fn line(parts: &[&[u8]]) {
    let mut buffer = [0u8; 512];
    let mut length = 0;
    for part in [b"libgreen: ".as_slice()].iter().chain(parts) {
        let n = part.len().min(buffer.len() - 1 - length);
        buffer[length..length + n].copy_from_slice(&part[..n]);
        length += n;
    }
    buffer[length] = b'\n';
    // SAFETY: the buffer is live; a failure to write cannot be reported.
    unsafe { syscall!(SYS_write, 2, buffer.as_ptr(), length + 1) };
}

/// A message that is told at most once in a process's life.
pub struct Once(AtomicBool);

impl Once {
    /// Not told yet.
    pub const fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    /// Tells it, the first time.
    pub fn line(&self, parts: &[&[u8]]) {
        if !self.0.swap(true, Ordering::Relaxed) {
            line(parts);
        }
    }
}
