//! Threads that the Go runtime makes for itself.
//!
//! It makes its system calls by instructions of its own, among them those that change
//! what the kernel keeps per thread (signal mask, alternate stack) and those that ask who
//! that is, and sends its threads signals by the kernel's ids. It schedules its routines
//! over them itself. So they stay kernel threads, of which it makes few. What C code
//! makes in the same process is green.

use core::ffi::{c_int, c_void};
use core::slice;
use core::sync::atomic::{AtomicUsize, Ordering};

use crate::glibc::real::Real;
use crate::sys::pages::PAGE;

/// Addresses of code that is not Go's, as far as was asked. A forked child keeps them.
static OTHERS: [AtomicUsize; 16] = [const { AtomicUsize::new(0) }; 16];

/// Whether the code at `address` is that of an object that the Go linker has made: a
/// program, or a library with a runtime of its own.
pub fn owns(address: usize) -> bool {
    let known = &OTHERS[address / 16 % OTHERS.len()];
    if known.load(Ordering::Relaxed) == address {
        return false;
    }
    let is_go = object_of(address).is_some_and(is_linked_by_go);
    if !is_go {
        known.store(address, Ordering::Relaxed);
    }
    is_go
}

/// Whether the program itself is a Go program.
pub fn is_program() -> bool {
    // SAFETY: getauxval only reads.
    owns(unsafe { libc::getauxval(libc::AT_ENTRY) } as usize)
}

/// glibc's `struct dl_find_object` (<dlfcn.h>, 2.35).
#[repr(C)]
#[derive(Default)]
struct Found {
    flags: u64,
    start: usize,
    end: usize,
    rest: [usize; 9],
}

/// Where the loaded object begins that holds the code at `address`; `None` before glibc
/// 2.35. The look takes no lock of the loader, which a callback of the program's, one that
/// waits for the thread to be, may hold.
fn object_of(address: usize) -> Option<usize> {
    type Find = unsafe extern "C" fn(usize, *mut Found) -> c_int;
    static FIND: Real = Real::new(c"_dl_find_object");
    let find = FIND.address();
    if find.is_null() {
        return None;
    }
    let mut found = Found::default();
    // SAFETY: the loader's function of that type; `found` is writable.
    let result = unsafe { core::mem::transmute::<*mut c_void, Find>(find)(address, &mut found) };
    (result == 0).then_some(found.start)
}

/// Whether one of the notes of the object whose image begins at `start` says so.
fn is_linked_by_go(start: usize) -> bool {
    // SAFETY: a loaded object begins with its ELF header, and its program headers are in its
    // first segment; it stays loaded, as its code is about to run.
    let headers = unsafe {
        let header = &*(start as *const libc::Elf64_Ehdr);
        if header.e_ident[..4] != *b"\x7fELF" {
            return false;
        }
        let first = (start + header.e_phoff as usize) as *const libc::Elf64_Phdr;
        slice::from_raw_parts(first, usize::from(header.e_phnum))
    };
    // A program that cannot be moved names its own addresses, others name offsets.
    let lowest = headers
        .iter()
        .filter(|header| header.p_type == libc::PT_LOAD)
        .map(|header| header.p_vaddr as usize & !(PAGE - 1))
        .min()
        .unwrap_or(0);
    headers
        .iter()
        .filter(|header| header.p_type == libc::PT_NOTE)
        // SAFETY: notes are loaded with the object.
        .any(|header| unsafe {
            has_build_id(
                start + (header.p_vaddr as usize - lowest),
                header.p_memsz as usize,
            )
        })
}

/// Whether one of the notes (elf(5)) in the `length` bytes at `address` is the build id
/// of Go's linker (cmd/link, `.note.go.buildid`).
///
/// # Safety
/// They can be read.
unsafe fn has_build_id(address: usize, length: usize) -> bool {
    const NAME: [u8; 4] = *b"Go\0\0";
    const KIND: u32 = 4;
    let mut offset = 0;
    while offset + 16 <= length {
        let note = (address + offset) as *const u32;
        // SAFETY: as the caller promises; notes are aligned to 4 bytes.
        let ([name_length, content_length, kind], name) = unsafe {
            (
                note.cast::<[u32; 3]>().read(),
                note.add(3).cast::<[u8; 4]>().read(),
            )
        };
        if kind == KIND && name_length == 4 && name == NAME {
            return true;
        }
        let padded = |length: u32| (length as usize).next_multiple_of(4);
        offset += 12 + padded(name_length) + padded(content_length);
    }
    false
}
