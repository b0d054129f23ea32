//! Finds the program's file as `execvp` would.

use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags};
use nix::unistd::{AccessFlags, faccessat};

use crate::failure::Failure;

/// What glibc's `execvp` takes when `PATH` is not set.
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// The file that running `program` would execute. A name with a slash is taken
/// as it is, whether or not there is such a file.
pub fn find(program: &OsStr) -> Result<PathBuf, Failure> {
    if program.as_bytes().contains(&b'/') {
        return Ok(program.into());
    }
    let path = env::var_os("PATH").unwrap_or_else(|| OsString::from(DEFAULT_PATH));
    let mut denied = false;
    if !program.is_empty() {
        for candidate in env::split_paths(&path).map(|directory| directory.join(program)) {
            match executable(&candidate) {
                Ok(true) => return Ok(candidate),
                Ok(false) | Err(Errno::EACCES) => denied = true,
                Err(_) => {}
            }
        }
    }
    // Like execvp, blame a file that may not be run before one that is not there.
    if denied {
        return Err(Failure::cannot_run(
            program,
            "found in PATH, but not as a file that may be executed",
        ));
    }
    Err(Failure::not_found(program, "not found in PATH"))
}

/// Whether the kernel would let the caller execute this file; `Err` when it
/// cannot be reached at all.
pub fn executable(path: &Path) -> nix::Result<bool> {
    let file = nix::sys::stat::stat(path)?;
    let regular = file.st_mode & libc::S_IFMT == libc::S_IFREG;
    let allowed = faccessat(AT_FDCWD, path, AccessFlags::X_OK, AtFlags::AT_EACCESS);
    Ok(regular && allowed.is_ok())
}
