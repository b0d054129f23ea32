//! Whether libgreen can be loaded into a program, found out before it runs:
//! a program that ignores `LD_PRELOAD` would do so in silence.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use nix::sys::stat::stat;

use crate::elf;
use crate::obstacle::{Obstacle, Reason};
use crate::privileges;
use crate::search;
use crate::shebang::{HEAD_SIZE, Shebang};

/// What `execvp` runs a file with that the kernel does not recognise.
pub const SHELL: &str = "/bin/sh";

/// The file name of glibc's dynamic loader, wherever it is.
const GLIBC_LOADER: &str = "ld-linux-x86-64.so.2";

/// The kernel follows no more interpreters of interpreters than this.
const MAX_INTERPRETERS: usize = 5;

/// Follows `path` to the binary that the kernel would load, through the
/// interpreters of scripts, and checks that ld.so would preload libgreen there.
pub fn check(path: &Path) -> Result<(), Obstacle> {
    check_file(path, 0)
}

fn check_file(path: &Path, depth: usize) -> Result<(), Obstacle> {
    let status = stat(path).map_err(Reason::Unreachable)?;
    match status.st_mode & libc::S_IFMT {
        libc::S_IFREG => {}
        libc::S_IFDIR => return Err(Reason::Directory.into()),
        _ => return Err(Reason::NotRegular.into()),
    }
    if !search::executable(path).map_err(Reason::Unreachable)? {
        return Err(Reason::NotExecutable.into());
    }
    let file = File::open(path).map_err(Reason::Unreadable)?;
    let mut head = Vec::with_capacity(HEAD_SIZE);
    (&file)
        .take(HEAD_SIZE as u64)
        .read_to_end(&mut head)
        .map_err(Reason::Unreadable)?;

    if head.starts_with(elf::MAGIC) {
        check_loader(&file)?;
        // Only here: the bits and capabilities of a script's file count for nothing.
        return match privileges::elevation(path, &status) {
            Some(elevation) => Err(Reason::Elevated(elevation).into()),
            None => Ok(()),
        };
    }
    if depth == MAX_INTERPRETERS {
        // The kernel will say so itself.
        return Ok(());
    }
    let Some(shebang) = Shebang::parse(&head) else {
        return check_interpreter(Path::new(SHELL), depth);
    };
    check_interpreter(&shebang.interpreter, depth)?;
    // What env does not find, env complains about.
    match shebang.program_of_env().map(search::find) {
        Some(Ok(path)) => check_interpreter(&path, depth),
        _ => Ok(()),
    }
}

fn check_interpreter(path: &Path, depth: usize) -> Result<(), Obstacle> {
    check_file(path, depth + 1).map_err(|mut obstacle| {
        obstacle.interpreter.get_or_insert_with(|| path.into());
        obstacle
    })
}

fn check_loader(file: &File) -> Result<(), Reason> {
    let image = elf::read(file).map_err(Reason::Unusable)?;
    let loader = image.loader.ok_or(Reason::Static)?;
    if loader.file_name() != Some(OsStr::new(GLIBC_LOADER)) {
        return Err(Reason::Loader(loader));
    }
    if !loader.exists() {
        return Err(Reason::MissingLoader(loader));
    }
    Ok(())
}
