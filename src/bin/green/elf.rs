//! The little of an ELF file that tells whether ld.so will load it here.

use std::ffi::{CStr, OsStr};
use std::fs::File;
use std::io::{self, ErrorKind};
use std::mem::{offset_of, size_of};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use libc::{Elf64_Ehdr as FileHeader, Elf64_Phdr as ProgramHeader};

/// What an ELF file starts with.
pub const MAGIC: &[u8] = b"\x7fELF";

/// An executable or shared object for x86-64.
pub struct Image {
    /// The dynamic loader it asks for (`PT_INTERP`); a static one asks for none.
    pub loader: Option<PathBuf>,
}

/// Why a file is no such image.
pub enum Unusable {
    /// Not ELF at all.
    NotElf,
    /// 32-bit code.
    Bits32,
    /// Code for another processor, by its ELF machine number.
    Machine(u16),
    /// ELF, but an object file or a core dump.
    NotLinked,
    /// It ends too early.
    Truncated,
    /// Its headers make no sense.
    Malformed,
    /// It could not be read.
    Io(io::Error),
}

impl From<io::Error> for Unusable {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::UnexpectedEof => Self::Truncated,
            _ => Self::Io(error),
        }
    }
}

/// Reads the file header and the program headers.
pub fn read(file: &File) -> Result<Image, Unusable> {
    let mut header = [0; size_of::<FileHeader>()];
    // The identification comes first: of a 32-bit file no more may be there.
    let (identification, _) = header.split_at_mut(libc::EI_NIDENT);
    file.read_exact_at(identification, 0)?;
    if !identification.starts_with(MAGIC) {
        return Err(Unusable::NotElf);
    }
    let class = identification[libc::EI_CLASS];
    let encoding = identification[libc::EI_DATA];

    let machine_end = offset_of!(FileHeader, e_machine) + size_of::<u16>();
    file.read_exact_at(&mut header[..machine_end], 0)?;
    let machine_bytes = field(&header, offset_of!(FileHeader, e_machine));
    let machine = match encoding {
        libc::ELFDATA2LSB => u16::from_le_bytes(machine_bytes),
        libc::ELFDATA2MSB => u16::from_be_bytes(machine_bytes),
        _ => return Err(Unusable::Malformed),
    };
    // A 32-bit program of this processor's family, the x32 kind included.
    if class == libc::ELFCLASS32 && matches!(machine, libc::EM_386 | libc::EM_X86_64) {
        return Err(Unusable::Bits32);
    }
    if machine != libc::EM_X86_64 {
        return Err(Unusable::Machine(machine));
    }
    if class != libc::ELFCLASS64 || encoding != libc::ELFDATA2LSB {
        return Err(Unusable::Malformed);
    }

    file.read_exact_at(&mut header, 0)?;
    let kind = u16::from_le_bytes(field(&header, offset_of!(FileHeader, e_type)));
    if !matches!(kind, libc::ET_EXEC | libc::ET_DYN) {
        return Err(Unusable::NotLinked);
    }
    let loader = loader(file, &header)?;
    Ok(Image { loader })
}

/// The path in the first `PT_INTERP` segment.
fn loader(file: &File, header: &[u8]) -> Result<Option<PathBuf>, Unusable> {
    let table = u64::from_le_bytes(field(header, offset_of!(FileHeader, e_phoff)));
    let count = u16::from_le_bytes(field(header, offset_of!(FileHeader, e_phnum)));
    let stride = u16::from_le_bytes(field(header, offset_of!(FileHeader, e_phentsize)));
    if usize::from(stride) != size_of::<ProgramHeader>() {
        return Err(Unusable::Malformed);
    }
    for index in 0..u64::from(count) {
        let mut segment = [0; size_of::<ProgramHeader>()];
        let position = table.checked_add(index * u64::from(stride));
        file.read_exact_at(&mut segment, position.ok_or(Unusable::Malformed)?)?;
        let kind = u32::from_le_bytes(field(&segment, offset_of!(ProgramHeader, p_type)));
        if kind != libc::PT_INTERP {
            continue;
        }
        let start = u64::from_le_bytes(field(&segment, offset_of!(ProgramHeader, p_offset)));
        let length = u64::from_le_bytes(field(&segment, offset_of!(ProgramHeader, p_filesz)));
        // The kernel's own bound on this string.
        let length = usize::try_from(length)
            .ok()
            .filter(|&length| length <= libc::PATH_MAX as usize)
            .ok_or(Unusable::Malformed)?;
        let mut path = vec![0; length];
        file.read_exact_at(&mut path, start)?;
        let path = CStr::from_bytes_until_nul(&path).map_err(|_| Unusable::Malformed)?;
        return Ok(Some(OsStr::from_bytes(path.to_bytes()).into()));
    }
    Ok(None)
}

fn field<const SIZE: usize>(header: &[u8], offset: usize) -> [u8; SIZE] {
    let mut bytes = [0; SIZE];
    bytes.copy_from_slice(&header[offset..offset + SIZE]);
    bytes
}
