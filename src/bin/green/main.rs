//! `green [options] [--] program args…`: runs a program with libgreen
//! preloaded, or says in one line why that cannot work.

// The program must start in the very state the launcher was started in. The
// standard runtime's start-up would ignore SIGPIPE and reopen closed standard
// descriptors, both of which survive exec, so this `main` runs without it.
#![no_main]

mod elf;
mod failure;
mod library;
mod obstacle;
mod options;
mod privileges;
mod program;
mod search;
mod shebang;

use std::convert::Infallible;
use std::env;
use std::ffi::{CString, OsStr, OsString, c_char, c_int};
use std::io::{self, Write};
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use nix::errno::Errno;
use nix::unistd::execv;

use failure::Failure;
use options::{Command, Run};

/// The C entry point: returns only when the program could not be started, or
/// after `--help` and `--version`.
#[unsafe(no_mangle)]
extern "C" fn main(_argc: c_int, _argv: *const *const c_char) -> c_int {
    let arguments = env::args_os().skip(1).collect();
    let outcome = options::parse(arguments).and_then(|command| match command {
        Command::Print(text) => print(&text),
        Command::Run(run) => launch(run).map(|never| match never {}),
    });
    match outcome {
        Ok(()) => 0,
        Err(failure) => {
            // With nowhere to say it, the exit status has to do.
            let _ = writeln!(io::stderr(), "green: {}", failure.message);
            failure.status
        }
    }
}

fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout();
    stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
        .map_err(|error| Failure::launcher(format!("standard output: {error}")))
}

fn launch(run: Run) -> Result<Infallible, Failure> {
    let library = library::find()?;
    let path = search::find(&run.program)?;
    program::check(&path).map_err(|obstacle| obstacle.blame(&run.program))?;

    let preload = library::preload_list(&library, env::var_os("LD_PRELOAD").as_deref());
    set_variable("LD_PRELOAD", &preload);
    if let Some(workers) = run.workers {
        set_variable("GREEN_WORKERS", workers.to_string());
    }
    if let Some(bytes) = run.stack_size {
        set_variable("GREEN_STACK_SIZE", bytes.to_string());
    }
    if let Some(resolver) = run.resolver {
        set_variable("GREEN_RESOLVER", resolver);
    }

    let error = execute(&path, &run.program, run.arguments);
    Err(Failure::cannot_run(&run.program, error.desc()))
}

/// What `execvp` does once it has found the file: a file that the kernel does
/// not recognise is run by the shell.
fn execute(path: &Path, program: &OsStr, arguments: Vec<OsString>) -> Errno {
    let path = c_string(path.as_os_str());
    let mut argv = vec![c_string(program)];
    argv.extend(arguments.into_iter().map(|argument| c_string(&argument)));

    let Err(error) = execv(&path, &argv);
    if error != Errno::ENOEXEC {
        return error;
    }
    let shell = c_string(OsStr::new(program::SHELL));
    argv.splice(0..1, [shell.clone(), path]);
    let Err(error) = execv(&shell, &argv);
    error
}

fn set_variable(name: &str, value: impl AsRef<OsStr>) {
    // SAFETY: the launcher has a single thread, so nobody reads the
    // environment meanwhile.
    unsafe { env::set_var(name, value) }
}

fn c_string(string: &OsStr) -> CString {
    CString::new(string.to_owned().into_vec()).expect("arguments hold no NUL byte")
}
