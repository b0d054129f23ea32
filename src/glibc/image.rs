//! What a loaded object defines, and what it has had bound: its tables, as elf(5) and the System V ABI
//! lay them out.

use core::ffi::CStr;
use core::iter;
use core::slice;

use libc::{Elf64_Rela, Elf64_Sym};

use super::link_map::Map;

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
const DT_VERSYM: i64 = 0x6fff_fff0;
const DT_VERDEF: i64 = 0x6fff_fffc;
/// In the version of a symbol: this is not the one that a look-up without a version finds.
const HIDDEN: u16 = 0x8000;
/// `Elf64_Verdef` of <elf.h>: a version that an object defines.
#[repr(C)]
struct Version {
    revision: u16,
    flags: u16,
    index: u16,
    names: u16,
    hash: u32,
    /// From here to its first name, which begins with an offset in the table of strings.
    name: u32,
    /// From here to the next one; 0 for the last.
    next: u32,
}

/// A loaded object, as far as its dynamic section says.
pub struct Image {
    bias: usize,
    symbols: usize,
    strings: usize,
    hash: usize,
    /// Of each symbol, and what they are called; 0 for an object without versions.
    versions: usize,
    version_names: usize,
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
        unsafe { Self::at((*map).base, (*map).dynamic) }
    }

    /// That of the loaded object whose dynamic section is at `dynamic`, and whose addresses are `bias` more than
    /// its file says.
    ///
    /// # Safety
    /// It stays loaded.
    pub unsafe fn at(bias: usize, dynamic: usize) -> Self {
        let dynamic = dynamic as *const Dynamic;
        let mut image = Self {
            bias,
            symbols: 0,
            strings: 0,
            hash: 0,
            versions: 0,
            version_names: 0,
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
                DT_VERSYM => image.versions = address,
                DT_VERDEF => image.version_names = address,
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

    /// The symbols of that name that the object defines, in all their versions.
    fn definitions(&self, name: &CStr) -> impl Iterator<Item = u32> {
        let hash = name.to_bytes().iter().fold(5381u32, |hash, byte| {
            hash.wrapping_mul(33).wrapping_add(u32::from(*byte))
        });
        let words = self.hash as *const u32;
        // A hash table of GNU's: the numbers of buckets, of symbols without hash, of words of 64 bits in a
        // filter; that; the buckets; a chain, whose last entries are odd.
        let (mut index, chain) = if words.is_null() {
            (0, words)
        } else {
            // SAFETY: such a table.
            unsafe {
                let [buckets, first, filter] = [0, 1, 2].map(|index| *words.add(index));
                let table = words.add(4 + 2 * filter as usize);
                let chain = table.add(buckets as usize).wrapping_sub(first as usize);
                (*table.add((hash % buckets.max(1)) as usize), chain)
            }
        };
        // Symbol 0 is none; nor is it the first of a chain.
        let entries = iter::from_fn(move || {
            let this = (index != 0).then_some(index)?;
            // SAFETY: the chain has an entry for each symbol with a hash.
            let entry = unsafe { *chain.wrapping_add(this as usize) };
            index = if entry & 1 == 0 { this + 1 } else { 0 };
            Some((this, entry))
        });
        entries
            .filter(move |(_, entry)| entry | 1 == hash | 1)
            .map(|(index, _)| index)
            .filter(move |index| {
                let symbol = self.symbol(*index);
                symbol.st_shndx != 0 && self.name(symbol) == name
            })
    }

    fn address(&self, index: u32) -> usize {
        self.bias + self.symbol(index).st_value as usize
    }

    /// The version of a symbol, as the object numbers them.
    fn version(&self, index: u32) -> Option<u16> {
        // SAFETY: an entry for each symbol.
        (self.versions != 0).then(|| unsafe { *(self.versions as *const u16).add(index as usize) })
    }

    /// What the version of that number is called.
    fn version_name(&self, number: u16) -> Option<&CStr> {
        let mut version = self.version_names as *const Version;
        while !version.is_null() {
            // SAFETY: a list, in which each says how far the next one is; names are in the table of
            // strings.
            unsafe {
                if (*version).index == number {
                    let name = version.byte_add((*version).name as usize).cast::<u32>();
                    return Some(CStr::from_ptr((self.strings + *name as usize) as *const _));
                }
                version = match (*version).next {
                    0 => break,
                    next => version.byte_add(next as usize),
                };
            }
        }
        None
    }

    /// The address of the function that a look-up without a version finds in the object; 0 if it
    /// defines none.
    pub fn definition(&self, name: &CStr) -> usize {
        self.definitions(name)
            .find(|index| {
                self.version(*index)
                    .is_none_or(|version| version & HIDDEN == 0)
            })
            .map_or(0, |index| self.address(index))
    }

    /// The address of that [function](Self::definition), and the length of its code in bytes.
    pub fn extent(&self, name: &CStr) -> (usize, usize) {
        let address = self.definition(name);
        self.definitions(name)
            .find(|index| self.address(*index) == address)
            .map_or((0, 0), |index| {
                (address, self.symbol(index).st_size as usize)
            })
    }

    /// The address of the function with that version; 0 if the object defines none.
    pub fn versioned_definition(&self, name: &CStr, wanted: &CStr) -> usize {
        self.definitions(name)
            .find(|index| {
                self.version(*index)
                    .and_then(|version| self.version_name(version & !HIDDEN))
                    == Some(wanted)
            })
            .map_or(0, |index| self.address(index))
    }

    /// Its relocations, which are lists of entries with addends (`Elf64_Rela`).
    pub fn relocations(&self) -> impl Iterator<Item = &Elf64_Rela> {
        let lists = self.relocations.iter();
        lists
            .filter(|(address, _)| *address != 0)
            .flat_map(|(address, length)| {
                let count = length / size_of::<Elf64_Rela>();
                // SAFETY: a table that its dynamic section names.
                unsafe { slice::from_raw_parts(*address as *const Elf64_Rela, count) }
            })
    }

    /// The word that a relocation of its is about.
    pub fn place(&self, relocation: &Elf64_Rela) -> usize {
        self.bias + relocation.r_offset as usize
    }

    /// The name of the symbol that a relocation of its is about.
    pub fn relocated(&self, relocation: &Elf64_Rela) -> &CStr {
        self.name(self.symbol((relocation.r_info >> 32) as u32))
    }
}
