//! What the environment asks for. Nonsense is reported in one line, once for the program and what it
//! starts, and ignored.

use core::ffi::{CStr, c_char};
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use crate::sys::report;

/// The most slots there can be.
pub const MAX_SLOTS: usize = 64;

/// How many kernel threads what has to block one may use at once, unless that is asked for. A
/// disk has work enough with as many requests, a lock with as many that wait for it; each costs a
/// kernel thread and its two stacks.
const MAX_BLOCKING: u32 = 64;

/// A forked child keeps it.
static BLOCKING: AtomicU32 = AtomicU32::new(MAX_BLOCKING);
/// 0: not asked for. A forked child keeps it.
static WORKERS: AtomicUsize = AtomicUsize::new(0);
/// In bytes, 0: not asked for. A forked child keeps it.
static STACK_SIZE: AtomicUsize = AtomicUsize::new(0);
/// A forked child keeps it.
static STATISTICS: AtomicBool = AtomicBool::new(false);
/// A forked child keeps it.
static PATCHES: AtomicBool = AtomicBool::new(true);

/// A forked child keeps it.
static HUB_RESOLVES: AtomicBool = AtomicBool::new(false);

/// Who asks name servers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Resolver {
    /// libc's own.
    Libc,
    /// libgreen's, in the hub.
    Hub,
}

unsafe extern "C" {
    static environ: *const *const c_char;
    /// Where the kernel has put the number of the program's arguments, with those and the environment
    /// behind it (glibc, elf/dl-sysdep.c).
    static __libc_stack_end: *const usize;
}

/// The program's environment: libc has none before it has been set up.
fn environment() -> *const *const c_char {
    // SAFETY: read before the program's own code can change it; each array ends with null.
    unsafe {
        if !environ.is_null() || __libc_stack_end.is_null() {
            return environ;
        }
        __libc_stack_end.add(*__libc_stack_end + 2).cast()
    }
}

/// A variable of the environment that says something.
struct Variable {
    /// Its name and an equals sign.
    name: &'static CStr,
    value: &'static [u8],
    /// Where in the environment it is.
    place: *mut *const c_char,
}

impl Variable {
    /// The one that begins with `name`, which ends with an equals sign.
    fn find(name: &'static CStr) -> Option<Self> {
        let mut place = environment().cast_mut();
        while !place.is_null() {
            // SAFETY: an array of C strings that stay, with null at the end.
            let text = unsafe {
                if (*place).is_null() {
                    break;
                }
                CStr::from_ptr(*place).to_bytes()
            };
            if let Some(value) = text.strip_prefix(name.to_bytes()) {
                return (!value.is_empty()).then_some(Self { name, value, place });
            }
            // SAFETY: not the end of the array.
            place = unsafe { place.add(1) };
        }
        None
    }

    /// Reports that the value is none of `what`, and empties it: what the program starts does not complain
    /// again.
    fn refuse(self, what: &[u8]) {
        report::line(&[
            self.name.to_bytes(),
            self.value,
            b" is ",
            what,
            b"; using the default",
        ]);
        // SAFETY: the array can be written to, on the stack as well as on the heap, and nobody else
        // uses it yet; the name stays.
        unsafe { *self.place = self.name.as_ptr() };
    }
}

fn number(text: &[u8]) -> Option<usize> {
    core::str::from_utf8(text).ok()?.trim().parse().ok()
}

/// A size in bytes, with an optional `K`, `M` or `G`.
fn size(text: &[u8]) -> Option<usize> {
    let (digits, unit) = match text.split_last()? {
        (b'k' | b'K', digits) => (digits, 1 << 10),
        (b'm' | b'M', digits) => (digits, 1 << 20),
        (b'g' | b'G', digits) => (digits, 1 << 30),
        _ => (text, 1),
    };
    number(digits)?.checked_mul(unit)
}

/// Reads the environment, once, at load. Empty values say nothing.
pub fn init() {
    if let Some(variable) = Variable::find(c"GREEN_WORKERS=") {
        match number(variable.value) {
            Some(count @ 1..=MAX_SLOTS) => WORKERS.store(count, Ordering::Relaxed),
            _ => variable.refuse(b"not a number from 1 to 64"),
        }
    }
    if let Some(variable) = Variable::find(c"GREEN_STACK_SIZE=") {
        match size(variable.value) {
            Some(bytes @ 16_384..=0x4000_0000) => STACK_SIZE.store(bytes, Ordering::Relaxed),
            _ => variable.refuse(b"not a size from 16K to 1G"),
        }
    }
    if let Some(variable) = Variable::find(c"GREEN_RESOLVER=") {
        match variable.value {
            b"libc" => {}
            b"hub" => HUB_RESOLVES.store(true, Ordering::Relaxed),
            _ => variable.refuse(b"neither libc nor hub"),
        }
    }
    if let Some(variable) = Variable::find(c"GREEN_MAX_BLOCKING=") {
        match number(variable.value) {
            Some(count @ 1..=1_000_000) => BLOCKING.store(count as u32, Ordering::Relaxed),
            _ => variable.refuse(b"not a number from 1 to 1000000"),
        }
    }
    switch(c"GREEN_STATS=", &STATISTICS);
    switch(c"GREEN_PATCH=", &PATCHES);
}

/// Sets `to` as the variable `name` says, if it says anything.
fn switch(name: &'static CStr, to: &AtomicBool) {
    let Some(variable) = Variable::find(name) else {
        return;
    };
    match variable.value {
        b"0" => to.store(false, Ordering::Relaxed),
        b"1" => to.store(true, Ordering::Relaxed),
        _ => variable.refuse(b"neither 0 nor 1"),
    }
}

/// Whether the scheduler's statistics are to be told at the exit.
pub fn statistics() -> bool {
    STATISTICS.load(Ordering::Relaxed)
}

/// Whether libc's functions may be patched.
pub fn patches() -> bool {
    PATCHES.load(Ordering::Relaxed)
}

/// The number of slots that was asked for.
pub fn workers() -> Option<usize> {
    match WORKERS.load(Ordering::Relaxed) {
        0 => None,
        count => Some(count),
    }
}

/// How many kernel threads what has to block one may use at once.
pub fn max_blocking() -> u32 {
    BLOCKING.load(Ordering::Relaxed)
}

/// The CPUs that the process may use: affinity and the cgroup's quota considered; at least 1.
pub fn cpus() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The stack size in bytes for threads whose creator does not ask for one.
pub fn stack_size() -> Option<usize> {
    match STACK_SIZE.load(Ordering::Relaxed) {
        0 => None,
        bytes => Some(bytes),
    }
}

/// Who asks name servers.
pub fn resolver() -> Resolver {
    if HUB_RESOLVES.load(Ordering::Relaxed) {
        Resolver::Hub
    } else {
        Resolver::Libc
    }
}
