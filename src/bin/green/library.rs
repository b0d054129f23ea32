//! Where libgreen.so is, and the `LD_PRELOAD` that loads it.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::elf;
use crate::failure::Failure;

/// Where the library is, seen from the launcher's directory: in a build tree,
/// under an installation prefix, in a directory of its own there.
const PLACES: [&str; 3] = [
    "libgreen.so",
    "../lib/libgreen.so",
    "../lib/green/libgreen.so",
];

/// The absolute path of the libgreen.so to load.
pub fn find() -> Result<PathBuf, Failure> {
    let library = match env::var_os("GREEN_LIB").filter(|path| !path.is_empty()) {
        Some(path) => named(Path::new(&path))?,
        None => installed()?,
    };
    if library.as_os_str().as_bytes().iter().any(is_separator) {
        return Err(Failure::launcher(format!(
            "{}: LD_PRELOAD cannot hold a path with a space or a colon",
            library.display()
        )));
    }
    Ok(library)
}

fn named(path: &Path) -> Result<PathBuf, Failure> {
    // ld.so only warns about an object it cannot preload and runs the program
    // without it, so what is named has to be checked here.
    let fail = |reason| Failure::launcher(format!("GREEN_LIB: {}: {reason}", path.display()));
    let library = fs::canonicalize(path).map_err(|error| fail(error.to_string()))?;
    let file = File::open(&library).map_err(|error| fail(error.to_string()))?;
    elf::read(&file).map_err(|_| fail("not a shared library for x86-64".into()))?;
    Ok(library)
}

fn installed() -> Result<PathBuf, Failure> {
    let launcher = env::current_exe().map_err(|error| {
        Failure::launcher(format!("cannot tell where green itself is: {error}"))
    })?;
    let directory = launcher.parent().unwrap_or(Path::new("/"));
    PLACES
        .iter()
        .find_map(|place| fs::canonicalize(directory.join(place)).ok())
        .ok_or_else(|| {
            Failure::launcher(format!(
                "no libgreen.so in {0}, {0}/../lib or {0}/../lib/green; GREEN_LIB can name one",
                directory.display()
            ))
        })
}

/// What was in `LD_PRELOAD` already, then `library`, without repeating it: others that stand in
/// for functions of libc's call the next one, and libgreen does itself what libc does.
pub fn preload_list(library: &Path, current: Option<&OsStr>) -> OsString {
    let mut list = OsString::new();
    let others = current.unwrap_or_default().as_bytes().split(is_separator);
    for object in others.map(OsStr::from_bytes) {
        let repeated = fs::canonicalize(object).is_ok_and(|path| path == library);
        if !object.is_empty() && !repeated {
            list.push(object);
            list.push(":");
        }
    }
    list.push(library);
    list
}

/// ld.so splits `LD_PRELOAD` at both, and knows no way of escaping them.
fn is_separator(byte: &u8) -> bool {
    matches!(byte, b' ' | b':')
}
