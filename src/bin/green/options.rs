//! The command line.

use std::ffi::{OsStr, OsString};
use std::ops::RangeInclusive;

use crate::failure::Failure;

const HELP: &str = "\
Usage: green [options] [--] program [argument...]

Runs a dynamically linked program with its threads as green threads.

Options:
  --workers N        kernel threads that run green threads (GREEN_WORKERS)
  --stack-size SIZE  stack of a thread that does not ask for a size, in bytes
                     or with a suffix K, M or G (GREEN_STACK_SIZE)
  --resolver WHO     who asks name servers, libc or hub (GREEN_RESOLVER)
  --version          print the version and exit
  --help             print this help and exit

Environment:
  GREEN_LIB          the libgreen.so to load instead of the installed one

Exit status: the program's own; 125 if green itself fails, 126 if the program
cannot be run under libgreen, 127 if it is not found.
";

const VERSION: &str = concat!("green ", env!("CARGO_PKG_VERSION"), "\n");

/// The bounds are the library's: what it would only report and ignore is an
/// error here. See `settings.rs` there.
const MAX_WORKERS: usize = 64;
const STACK_SIZES: RangeInclusive<usize> = 16 << 10..=1 << 30;
const RESOLVERS: [&str; 2] = ["libc", "hub"];

/// What the command line asks for.
pub enum Command {
    /// Print a text and exit.
    Print(String),
    /// Run a program.
    Run(Run),
}

/// A program to run, and how.
#[derive(Default)]
pub struct Run {
    /// `--workers`.
    pub workers: Option<usize>,
    /// `--stack-size`, in bytes.
    pub stack_size: Option<usize>,
    /// `--resolver`.
    pub resolver: Option<&'static str>,
    /// The program as it was typed.
    pub program: OsString,
    /// What follows the program.
    pub arguments: Vec<OsString>,
}

/// Reads the options up to the first operand, which is the program.
pub fn parse(arguments: Vec<OsString>) -> Result<Command, Failure> {
    let mut run = Run::default();
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let option = match argument.to_str() {
            Some("--") => {
                run.program = arguments.next().ok_or_else(no_program)?;
                run.arguments = arguments.collect();
                return Ok(Command::Run(run));
            }
            Some(option) if option.starts_with('-') => option,
            _ => {
                run.program = argument;
                run.arguments = arguments.collect();
                return Ok(Command::Run(run));
            }
        };
        let (name, attached) = match option.split_once('=') {
            Some((name, value)) => (name, Some(OsString::from(value))),
            None => (option, None),
        };
        match (name, &attached) {
            ("--help", None) => return Ok(Command::Print(HELP.into())),
            ("--version", None) => return Ok(Command::Print(VERSION.into())),
            ("--workers", _) => {
                let value = value_of(name, attached, &mut arguments)?;
                run.workers = Some(parse_workers(&value)?);
            }
            ("--stack-size", _) => {
                let value = value_of(name, attached, &mut arguments)?;
                run.stack_size = Some(parse_stack_size(&value)?);
            }
            ("--resolver", _) => {
                let value = value_of(name, attached, &mut arguments)?;
                run.resolver = Some(parse_resolver(&value)?);
            }
            _ => return Err(usage(format!("unknown option '{option}'"))),
        }
    }
    Err(no_program())
}

fn usage(message: String) -> Failure {
    Failure::launcher(format!("{message} (see green --help)"))
}

fn no_program() -> Failure {
    usage("no program given".into())
}

fn value_of(
    name: &str,
    attached: Option<OsString>,
    following: &mut impl Iterator<Item = OsString>,
) -> Result<OsString, Failure> {
    attached
        .or_else(|| following.next())
        .ok_or_else(|| usage(format!("{name} needs a value")))
}

fn parse_workers(value: &OsStr) -> Result<usize, Failure> {
    number(value)
        .filter(|workers| (1..=MAX_WORKERS).contains(workers))
        .ok_or_else(|| {
            usage(format!(
                "--workers wants a number from 1 to {MAX_WORKERS}, not '{}'",
                value.to_string_lossy()
            ))
        })
}

fn parse_stack_size(value: &OsStr) -> Result<usize, Failure> {
    size(value)
        .filter(|bytes| STACK_SIZES.contains(bytes))
        .ok_or_else(|| {
            usage(format!(
                "--stack-size wants a size from 16K to 1G, not '{}'",
                value.to_string_lossy()
            ))
        })
}

fn parse_resolver(value: &OsStr) -> Result<&'static str, Failure> {
    RESOLVERS
        .into_iter()
        .find(|resolver| value == *resolver)
        .ok_or_else(|| {
            usage(format!(
                "--resolver wants libc or hub, not '{}'",
                value.to_string_lossy()
            ))
        })
}

/// A number of bytes, with an optional suffix K, M or G.
fn size(value: &OsStr) -> Option<usize> {
    let text = value.to_str()?;
    let (digits, shift) = match text.as_bytes().last()?.to_ascii_uppercase() {
        b'K' => (&text[..text.len() - 1], 10),
        b'M' => (&text[..text.len() - 1], 20),
        b'G' => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    number(OsStr::new(digits))?.checked_mul(1 << shift)
}

/// Digits only: the standard parser would also take a leading `+`.
fn number(value: &OsStr) -> Option<usize> {
    let text = value.to_str()?;
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}
