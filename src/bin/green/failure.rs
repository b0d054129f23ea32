//! Why the launcher gives up, and the exit status that says so: those of
//! env(1), nice(1) and timeout(1).

use std::ffi::OsStr;
use std::fmt::Display;
use std::path::Path;

/// One line for standard error and an exit status.
pub struct Failure {
    /// The exit status.
    pub status: i32,
    /// The line, without the launcher's name.
    pub message: String,
}

impl Failure {
    /// The launcher itself failed: bad usage, no library.
    pub fn launcher(message: String) -> Self {
        let status = 125;
        Self { status, message }
    }

    /// The program exists but cannot be run, or not under libgreen.
    pub fn cannot_run(program: &OsStr, reason: impl Display) -> Self {
        Self::of_program(126, program, reason)
    }

    /// There is no such program.
    pub fn not_found(program: &OsStr, reason: impl Display) -> Self {
        Self::of_program(127, program, reason)
    }

    fn of_program(status: i32, program: &OsStr, reason: impl Display) -> Self {
        let message = format!("{}: {reason}", Path::new(program).display());
        Self { status, message }
    }
}
