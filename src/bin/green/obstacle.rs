//! What stands between a program and libgreen, and how to put it.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use crate::elf::Unusable;
use crate::failure::Failure;
use crate::privileges::Elevation;

/// Why a program cannot be run with libgreen.
pub struct Obstacle {
    /// Set when it is not the program itself but what runs it.
    pub interpreter: Option<PathBuf>,
    /// What is wrong with it.
    pub reason: Reason,
}

/// What is wrong with a file.
pub enum Reason {
    /// Looking it up failed.
    Unreachable(Errno),
    /// It is a directory.
    Directory,
    /// It is a device, a FIFO or a socket.
    NotRegular,
    /// The caller may not execute it.
    NotExecutable,
    /// The caller may execute it but not look into it.
    Unreadable(io::Error),
    /// It has no dynamic loader.
    Static,
    /// It is no program for this machine.
    Unusable(Unusable),
    /// Its dynamic loader is not glibc's.
    Loader(PathBuf),
    /// Its dynamic loader does not exist.
    MissingLoader(PathBuf),
    /// It would run in secure-execution mode.
    Elevated(Elevation),
}

impl From<Reason> for Obstacle {
    fn from(reason: Reason) -> Self {
        Self {
            interpreter: None,
            reason,
        }
    }
}

impl Obstacle {
    /// The failure to report for `program`, as the user typed it.
    pub fn blame(self, program: &OsStr) -> Failure {
        match (self.interpreter, self.reason) {
            (None, reason @ Reason::Unreachable(Errno::ENOENT)) => {
                Failure::not_found(program, reason)
            }
            (None, reason) => Failure::cannot_run(program, reason),
            (Some(interpreter), reason) => Failure::cannot_run(
                program,
                format_args!("its interpreter {}: {reason}", interpreter.display()),
            ),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(errno) => f.write_str(errno.desc()),
            Self::Directory => f.write_str("is a directory"),
            Self::NotRegular => f.write_str("not a regular file"),
            Self::NotExecutable => f.write_str("no permission to execute it"),
            Self::Unreadable(error) => write!(
                f,
                "cannot be read to see whether libgreen can be loaded into it: {error}"
            ),
            Self::Static => write!(f, "statically linked, {NO_PRELOAD}"),
            Self::Unusable(unusable) => unusable.fmt(f),
            Self::Loader(loader) if is_musl(loader) => {
                f.write_str("linked with musl; libgreen works with glibc only")
            }
            Self::Loader(loader) => write!(
                f,
                "wants the dynamic loader {}; libgreen works with glibc's only",
                loader.display()
            ),
            Self::MissingLoader(loader) => {
                write!(f, "its dynamic loader {} is missing", loader.display())
            }
            Self::Elevated(Elevation::Identity) => {
                write!(f, "would run set-user-ID or set-group-ID, {NO_PRELOAD}")
            }
            Self::Elevated(Elevation::Capabilities) => {
                write!(f, "has file capabilities, {NO_PRELOAD}")
            }
        }
    }
}

const NO_PRELOAD: &str = "so it ignores LD_PRELOAD and libgreen cannot be loaded into it";

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotElf => f.write_str("not an ELF file"),
            Self::Bits32 => f.write_str("a 32-bit program; libgreen works with 64-bit ones only"),
            Self::Machine(machine) => write!(
                f,
                "a program for another processor (ELF machine {machine}), not for x86-64"
            ),
            Self::NotLinked => f.write_str("an object file or core dump, not a program"),
            Self::Truncated => f.write_str("a truncated ELF file"),
            Self::Malformed => f.write_str("an ELF file with malformed headers"),
            Self::Io(error) => error.fmt(f),
        }
    }
}

fn is_musl(loader: &Path) -> bool {
    let name = loader.file_name().unwrap_or_default();
    name.as_encoded_bytes().starts_with(b"ld-musl-")
}
