//! Being told when the loader has loaded something.
//!
//! For debuggers the loader has a function that it calls before and after each change,
//! which does nothing but return: they put a breakpoint there (<link.h>, `r_brk`). A
//! jump in that place tells this process itself, at the moment that matters: the new
//! objects are mapped, and no code of theirs has run.

use core::ffi::c_void;
use core::ops::Range;
use core::ptr;
use core::slice;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use super::objects::Map;
use crate::sys::pages::PAGE;
use crate::sys::raw::syscall;

/// `struct r_debug` of <link.h>, as far as it is of interest.
#[repr(C)]
struct Debug {
    version: i32,
    map: *const Map,
    /// The function's address.
    breakpoint: usize,
    state: i32,
    /// Where the loader itself is.
    base: usize,
}

// SAFETY: the loader's own, which changes under its lock.
unsafe impl Sync for Debug {}

unsafe extern "C" {
    static _r_debug: Debug;
}

/// The first of the loaded objects: the program.
pub fn first() -> *const Map {
    // SAFETY: the loader's own, filled in before any program starts.
    unsafe { _r_debug.map }
}

/// An address that is the loader's own.
pub fn address() -> *const c_void {
    (&raw const _r_debug).cast()
}

/// The parts of the loader that are mapped: none where it is not known where it is.
fn segments() -> impl Iterator<Item = (Range<usize>, u32)> {
    // SAFETY: filled in before any program starts.
    let start = unsafe { _r_debug.base };
    let headers = match start {
        0 => &[],
        // SAFETY: an object begins with its header, which says where its program headers are.
        _ => unsafe {
            let header = &*(start as *const libc::Elf64_Ehdr);
            let first = (start + header.e_phoff as usize) as *const libc::Elf64_Phdr;
            slice::from_raw_parts(first, header.e_phnum.into())
        },
    };
    headers
        .iter()
        .filter(|header| header.p_type == libc::PT_LOAD)
        .map(move |header| {
            let first = start + header.p_vaddr as usize;
            (first..first + header.p_memsz as usize, header.p_flags)
        })
}

/// The addresses of the loader's own code and data.
pub fn range() -> Range<usize> {
    // A forked child keeps it.
    static END: AtomicUsize = AtomicUsize::new(0);
    // SAFETY: filled in before any program starts.
    let start = unsafe { _r_debug.base };
    let mut end = END.load(Ordering::Relaxed);
    if end == 0 && start != 0 {
        end = segments()
            .map(|(range, _)| range.end)
            .max()
            .unwrap_or(start);
        END.store(end, Ordering::Relaxed);
    }
    start..end
}

/// The beginning of a `pthread_mutex_t` (glibc, sysdeps/x86/nptl/bits/struct_mutex.h).
#[repr(C, align(8))]
struct Mutex {
    lock: AtomicU32,
    count: AtomicU32,
    owner: AtomicU32,
    users: AtomicU32,
    kind: AtomicU32,
}

/// Whether the caller, whose id in its TCB is `id`, holds one of the loader's locks. They are
/// recursive mutexes in its variables (`_dl_load_lock` and its kin in elf/dl-support.c), which know
/// their owner; where among them, depends on the version. Takes half a microsecond.
pub fn holds_lock(id: u32) -> bool {
    let is_held = |mutex: &Mutex| {
        mutex.owner.load(Ordering::Relaxed) == id
            && mutex.kind.load(Ordering::Relaxed) == libc::PTHREAD_MUTEX_RECURSIVE as u32
            && mutex.lock.load(Ordering::Relaxed) != 0
            && mutex.count.load(Ordering::Relaxed) != 0
    };
    segments()
        .filter(|(_, flags)| flags & libc::PF_W != 0)
        .any(|(range, _)| {
            let first = range.start.next_multiple_of(align_of::<Mutex>());
            let end = range.end.saturating_sub(size_of::<Mutex>());
            (first..=end)
                .step_by(align_of::<Mutex>())
                // SAFETY: mapped as long as the process lives; words that others may change.
                .any(|place| is_held(unsafe { &*(place as *const Mutex) }))
        })
}

/// The space of a function that is aligned as functions are.
const ROOM: usize = 16;
/// `jmp [rip]`, followed by the address to go to.
const JUMP: [u8; 6] = [0xff, 0x25, 0, 0, 0, 0];
/// `endbr64`.
const LANDING: [u8; 4] = [0xf3, 0x0f, 0x1e, 0xfa];
const RETURN: u8 = 0xc3;

/// Has `told` called, by the thread at work and under the loader's lock, before and
/// after each change of what is loaded. False if that cannot be had. Nobody else may be
/// at `dlopen` now.
pub fn watch(told: extern "C" fn()) -> bool {
    // A forked child keeps it: the loader there is the same.
    static WATCHED: AtomicBool = AtomicBool::new(false);
    if WATCHED.load(Ordering::Relaxed) {
        return true;
    }
    // SAFETY: the loader's own, filled in before any program starts.
    let function = unsafe { _r_debug.breakpoint };
    // SAFETY: an aligned function's code.
    let is_empty = function != 0
        && function.is_multiple_of(ROOM)
        && unsafe { *(function as *const [u8; ROOM]) }.is_empty_function();
    // SAFETY: an empty function, which the loader lets others replace.
    let watched = is_empty && unsafe { replace(function, told) };
    WATCHED.store(watched, Ordering::Relaxed);
    watched
}

/// # Safety
/// `function` has [`ROOM`] bytes, and nobody is there.
unsafe fn replace(function: usize, told: extern "C" fn()) -> bool {
    let mut code = [0u8; ROOM];
    code[..JUMP.len()].copy_from_slice(&JUMP);
    code[JUMP.len()..][..8].copy_from_slice(&(told as usize).to_ne_bytes());
    let page = function & !(PAGE - 1);
    let (open, closed) = (
        libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC,
        libc::PROT_READ | libc::PROT_EXEC,
    );
    // SAFETY: a private mapping of the loader's code, which stays executable all the
    // time; for the rest, as the caller promises.
    unsafe {
        if syscall!(SYS_mprotect, page, PAGE, open) != 0 {
            return false;
        }
        ptr::write_volatile(function as *mut [u8; ROOM], code);
        syscall!(SYS_mprotect, page, PAGE, closed);
    }
    true
}

trait Code {
    fn is_empty_function(&self) -> bool;
}

impl Code for [u8; ROOM] {
    /// Whether this returns at once, and nothing comes after that but padding.
    fn is_empty_function(&self) -> bool {
        let mut rest = self.strip_prefix(&LANDING).unwrap_or(self);
        match rest.split_first() {
            Some((&RETURN, padding)) => rest = padding,
            _ => return false,
        }
        while !rest.is_empty() {
            match padding(rest) {
                0 => return false,
                length => rest = &rest[length.min(rest.len())..],
            }
        }
        true
    }
}

/// The length of the instruction at the beginning of `code`, if it is one of those that
/// assemblers fill up with; else 0.
fn padding(code: &[u8]) -> usize {
    const OPERAND_SIZE: u8 = 0x66;
    const SEGMENT: u8 = 0x2e;
    let prefixes = code
        .iter()
        .take_while(|byte| matches!(**byte, OPERAND_SIZE | SEGMENT))
        .count();
    let length = match code[prefixes..] {
        [0x90 | 0xcc, ..] => 1,
        [0x0f, 0x1f, 0x00, ..] => 3,
        [0x0f, 0x1f, 0x40, ..] => 4,
        [0x0f, 0x1f, 0x44, ..] => 5,
        [0x0f, 0x1f, 0x80, ..] => 7,
        [0x0f, 0x1f, 0x84, ..] => 8,
        _ => return 0,
    };
    prefixes + length
}
