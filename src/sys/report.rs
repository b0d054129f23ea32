//! What libgreen has to tell the user: one line on stderr, once.

use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};

use super::raw::syscall;

/// A line for standard error, without allocation; what does not fit is cut.
pub struct Line {
    buffer: [u8; 512],
    length: usize,
}

impl Line {
    /// `libgreen: `.
    pub fn new() -> Self {
        let mut line = Self {
            buffer: [0; 512],
            length: 0,
        };
        line.push(b"libgreen: ");
        line
    }

    /// Appends `text`.
    pub fn push(&mut self, text: &[u8]) {
        let count = text.len().min(self.buffer.len() - 1 - self.length);
        self.buffer[self.length..self.length + count].copy_from_slice(&text[..count]);
        self.length += count;
    }

    /// Writes the line to standard error, at once.
    pub fn print(mut self) {
        self.buffer[self.length] = b'\n';
        // SAFETY: the buffer is live; a failure to write cannot be reported.
        unsafe { syscall!(SYS_write, 2, self.buffer.as_ptr(), self.length + 1) };
    }
}

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}

/// Writes `libgreen: <message>` to standard error in one `write`.
pub fn line(parts: &[&[u8]]) {
    let mut line = Line::new();
    for part in parts {
        line.push(part);
    }
    line.print();
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
