//! Symbols that the loader has bound already.
//!
//! Up to glibc 2.40 the loader tells of a library before it binds its symbols, later
//! versions when that is done (bug 31986). There what was bound to functions of libc's that
//! libgreen stands in for is bound to libgreen's afterwards, before any code of the
//! library's runs: its relocations say where.

use core::ffi::CStr;
use core::slice;
use core::sync::atomic::{AtomicUsize, Ordering};

use libc::{Elf64_Ehdr, Elf64_Phdr, Elf64_Rela, Elf64_Sym};

use super::deep_binding::Map;
use crate::sys::pages::PAGE;
use crate::sys::raw::syscall;

/// An entry of an object's dynamic section (elf(5)).
#[repr(C)]
struct Dynamic {
    tag: i64,
    value: usize,
}

// <elf.h>
const DT_PLTRELSZ: i64 = 2;
const DT_STRTAB: i64 = 5;
const DT_SYMTAB: i64 = 6;
const DT_RELA: i64 = 7;
const DT_RELASZ: i64 = 8;
const DT_JMPREL: i64 = 23;
const DT_GNU_HASH: i64 = 0x6fff_fef5;
const R_X86_64_64: u32 = 1;
const R_X86_64_GLOB_DAT: u32 = 6;
const R_X86_64_JUMP_SLOT: u32 = 7;

/// A loaded object, as far as its dynamic section says.
pub struct Image {
    bias: usize,
    symbols: usize,
    strings: usize,
    hash: usize,
    /// Addresses and lengths in bytes.
    relocations: [(usize, usize); 2],
}

impl Image {
    /// That of a loaded object.
    ///
    /// # Safety
    /// It stays loaded.
    pub unsafe fn of(map: *const Map) -> Self {
        // SAFETY: as the caller promises.
        let (bias, dynamic) = unsafe { ((*map).base, (*map).dynamic as *const Dynamic) };
        let mut image = Self {
            bias,
            symbols: 0,
            strings: 0,
            hash: 0,
            relocations: [(0, 0); 2],
        };
        for index in 0.. {
            // SAFETY: the section ends with an entry of tag 0.
            let entry = unsafe { &*dynamic.add(index) };
            // The loader has added the bias where the section can be written.
            let address = match entry.value {
                value if value < bias => value + bias,
                value => value,
            };
            match entry.tag {
                0 => break,
                DT_SYMTAB => image.symbols = address,
                DT_STRTAB => image.strings = address,
                DT_GNU_HASH => image.hash = address,
                DT_RELA => image.relocations[0].0 = address,
                DT_RELASZ => image.relocations[0].1 = entry.value,
                DT_JMPREL => image.relocations[1].0 = address,
                DT_PLTRELSZ => image.relocations[1].1 = entry.value,
                _ => {}
            }
        }
        image
    }

    fn symbol(&self, index: u32) -> &Elf64_Sym {
        // SAFETY: from a relocation or the hash table.
        unsafe { &*(self.symbols as *const Elf64_Sym).add(index as usize) }
    }

    fn name(&self, symbol: &Elf64_Sym) -> &CStr {
        // SAFETY: names are in the table of strings.
        unsafe { CStr::from_ptr((self.strings + symbol.st_name as usize) as *const _) }
    }

    /// The address of a symbol that the object defines; 0 if it does not.
    fn definition(&self, name: &CStr) -> usize {
        if self.hash == 0 {
            return 0;
        }
        let hash = name.to_bytes().iter().fold(5381u32, |hash, byte| {
            hash.wrapping_mul(33).wrapping_add(u32::from(*byte))
        });
        let words = self.hash as *const u32;
        // SAFETY: a hash table of GNU's: the numbers of buckets, of symbols without hash, of
        // words of 64 bits in a filter; that; the buckets; a chain, whose last entries are odd.
        unsafe {
            let [buckets, first, filter] = [0, 1, 2].map(|index| *words.add(index));
            let table = words.add(4 + 2 * filter as usize);
            let chain = table.add(buckets as usize);
            let mut index = *table.add((hash % buckets.max(1)) as usize);
            while index >= first {
                let entry = *chain.add((index - first) as usize);
                let symbol = self.symbol(index);
                if entry | 1 == hash | 1 && symbol.st_shndx != 0 && self.name(symbol) == name {
                    return self.bias + symbol.st_value as usize;
                }
                if entry & 1 != 0 {
                    break;
                }
                index += 1;
            }
        }
        0
    }

    /// Binds to `green` what is bound to functions of `libc`'s that it defines, too.
    ///
    /// # Safety
    /// The images stay loaded, and the caller holds the loader's lock.
    pub unsafe fn rebind(&self, green: &Self, libc: &Extent, own: &Extent) {
        let mut opened = false;
        for (address, length) in self.relocations {
            if address == 0 {
                continue;
            }
            let count = length / size_of::<Elf64_Rela>();
            // SAFETY: the object's relocations.
            let entries = unsafe { slice::from_raw_parts(address as *const Elf64_Rela, count) };
            for entry in entries {
                let kind = entry.r_info as u32;
                let is_address = matches!(kind, R_X86_64_GLOB_DAT | R_X86_64_JUMP_SLOT)
                    || kind == R_X86_64_64 && entry.r_addend == 0;
                if !is_address {
                    continue;
                }
                // SAFETY: a word of the object's that the loader fills in. Others may be
                // looking at it.
                let slot =
                    unsafe { &*((self.bias + entry.r_offset as usize) as *const AtomicUsize) };
                if !libc.contains(slot.load(Ordering::Relaxed)) {
                    continue;
                }
                let name = self.name(self.symbol((entry.r_info >> 32) as u32));
                let ours = green.definition(name);
                if ours != 0 {
                    if !opened {
                        own.protect(libc::PROT_READ | libc::PROT_WRITE);
                        opened = true;
                    }
                    slot.store(ours, Ordering::Relaxed);
                }
            }
        }
        if opened {
            own.protect(libc::PROT_READ);
        }
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
