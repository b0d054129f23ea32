//! Symbols that the loader has bound already.
//!
//! Up to glibc 2.40 the loader tells of a library before it binds its symbols, later
//! versions when that is done (bug 31986). There what was bound to functions of libc's that
//! libgreen stands in for is bound to libgreen's afterwards, before any code of the
//! library's runs: its relocations say where.

use core::slice;
use core::sync::atomic::{AtomicUsize, Ordering};

use libc::{Elf64_Ehdr, Elf64_Phdr};

use super::image::Image;
use super::link_map::Map;
use crate::sys::pages::PAGE;
use crate::sys::raw::syscall;

// <elf.h>
const R_X86_64_64: u32 = 1;
const R_X86_64_GLOB_DAT: u32 = 6;
const R_X86_64_JUMP_SLOT: u32 = 7;

/// Binds to `green` what `object`, which lies in `own`, has bound to functions of `libc`'s that `green`
/// defines, too.
///
/// # Safety
/// The images stay loaded, and the caller holds the loader's lock.
pub unsafe fn rebind(object: &Image, own: &Extent, libc: &Extent, green: &Image) {
    let mut opened = false;
    for entry in object.relocations() {
        let kind = entry.r_info as u32;
        let is_address = matches!(kind, R_X86_64_GLOB_DAT | R_X86_64_JUMP_SLOT)
            || kind == R_X86_64_64 && entry.r_addend == 0;
        if !is_address {
            continue;
        }
        // SAFETY: a word of the object's that the loader fills in. Others may be
        // looking at it.
        let slot = unsafe { &*(object.place(entry) as *const AtomicUsize) };
        if !libc.contains(slot.load(Ordering::Relaxed)) {
            continue;
        }
        let ours = green.definition(object.relocated(entry));
        if ours != 0 {
            if !opened {
                own.protect(libc::PROT_READ | libc::PROT_WRITE);
                opened = true;
            }
            slot.store(ours, Ordering::Relaxed);
        }
    }
    if opened {
        own.protect(libc::PROT_READ);
    }
}

/// Where an object lies.
pub struct Extent {
    start: usize,
    end: usize,
    /// What the loader makes read-only after relocation: whole pages.
    closed: (usize, usize),
}

impl Extent {
    /// That of the object whose image begins at `start`.
    ///
    /// # Safety
    /// There is one.
    pub unsafe fn of(map: *const Map, start: usize) -> Self {
        // SAFETY: a loaded object begins with its ELF header, and its program headers are in
        // its first segment.
        let (bias, headers) = unsafe {
            let header = &*(start as *const Elf64_Ehdr);
            let first = (start + header.e_phoff as usize) as *const Elf64_Phdr;
            let count = usize::from(header.e_phnum);
            ((*map).base, slice::from_raw_parts(first, count))
        };
        let ends = |header: &Elf64_Phdr| bias + (header.p_vaddr + header.p_memsz) as usize;
        let of_kind = |kind: u32| headers.iter().filter(move |header| header.p_type == kind);
        let closed = of_kind(libc::PT_GNU_RELRO).next().map_or((0, 0), |header| {
            let from = (bias + header.p_vaddr as usize) & !(PAGE - 1);
            (from, (ends(header) & !(PAGE - 1)).saturating_sub(from))
        });
        Self {
            start,
            end: of_kind(libc::PT_LOAD).map(ends).max().unwrap_or(start),
            closed,
        }
    }

    fn contains(&self, address: usize) -> bool {
        (self.start..self.end).contains(&address)
    }

    fn protect(&self, protection: i32) {
        let (address, length) = self.closed;
        if length > 0 {
            // SAFETY: pages of the object's data, which is readable in either case.
            unsafe { syscall!(SYS_mprotect, address, length, protection) };
        }
    }
}
