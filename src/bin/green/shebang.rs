//! The `#!` line of a script, read the way Linux reads it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// How much of a file the kernel looks at to see what it is
/// (`BINPRM_BUF_SIZE`).
pub const HEAD_SIZE: usize = 256;

/// Who runs a script.
pub struct Shebang {
    /// The program named on the `#!` line.
    pub interpreter: PathBuf,
    /// Everything after it, which the kernel passes as one argument.
    pub argument: Option<OsString>,
}

impl Shebang {
    /// Reads the line from a file's first [`HEAD_SIZE`] bytes; `None` if the
    /// kernel would not run this file as a script.
    pub fn parse(head: &[u8]) -> Option<Self> {
        let rest = head.strip_prefix(b"#!")?;
        let end = rest.iter().position(|&byte| byte == b'\n');
        let line = rest[..end.unwrap_or(rest.len())].trim_ascii();
        let space = line.iter().position(|byte| matches!(byte, b' ' | b'\t'));
        // A name that runs on beyond what the kernel reads may be cut short.
        let cut = end.is_none() && space.is_none() && head.len() == HEAD_SIZE;
        if line.is_empty() || cut {
            return None;
        }
        let (interpreter, argument) = line.split_at(space.unwrap_or(line.len()));
        let argument = argument.trim_ascii();
        Some(Self {
            interpreter: OsStr::from_bytes(interpreter).into(),
            argument: (!argument.is_empty()).then(|| OsStr::from_bytes(argument).into()),
        })
    }

    /// The program that `#!/usr/bin/env program` goes on to run, also with
    /// `-S` and with assignments before it; `None` if the interpreter is not
    /// env or is given options that this does not follow.
    pub fn program_of_env(&self) -> Option<&OsStr> {
        if self.interpreter.file_name()? != "env" {
            return None;
        }
        let argument = self.argument.as_ref()?.as_bytes();
        let Some(words) = argument.strip_prefix(b"-S") else {
            return (!argument.starts_with(b"-")).then(|| OsStr::from_bytes(argument));
        };
        let program = words
            .split(u8::is_ascii_whitespace)
            .find(|word| !word.is_empty() && !word.contains(&b'='))?;
        (!program.starts_with(b"-")).then(|| OsStr::from_bytes(program))
    }
}
