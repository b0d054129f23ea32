//! Machine code that a patch of a function replaces: how much of it, how it reads elsewhere,
//! and the exchange.
//!
//! Only instructions that begin libc's wrappers of system calls are known here; before
//! any other a patch stops.

use core::arch::asm;

/// The space that functions begin on a multiple of, in bytes.
pub const ALIGNMENT: usize = 16;
/// `jmp rel32`, in bytes.
pub const JUMP: usize = 5;
/// Room for a copy: at most [`JUMP`] - 1 bytes, one more instruction, and a jump.
pub const ROOM: usize = 32;

/// A thunk, in bytes.
pub const THUNK: usize = 8;

/// `endbr64`: it stays in place, a function may be reached by pointer.
const LANDING: [u8; 4] = [0xf3, 0x0f, 0x1e, 0xfa];

/// What a patch replaces at the beginning of a function.
pub struct Beginning {
    /// Where the jump goes, from the function's address on: behind `endbr64`.
    pub start: usize,
    /// Where the instructions end that it overwrites, or begins to.
    pub end: usize,
    /// Whether that is one instruction: whoever is about to execute it, or has, finds
    /// whole instructions before the patch and after it.
    pub is_single: bool,
}

/// An instruction that can be had elsewhere, too.
enum Instruction {
    /// It means the same everywhere.
    Plain(usize),
    /// It has an operand in memory, a distance of four bytes at that place.
    Relative(usize, usize),
    /// `jcc rel8`.
    Branch,
}

impl Instruction {
    fn length(&self) -> usize {
        match self {
            Self::Plain(length) | Self::Relative(length, _) => *length,
            Self::Branch => 2,
        }
    }

    fn first_of(code: &[u8]) -> Option<Self> {
        Some(match *code {
            // cmpb $i8, d32(%rip): __libc_single_threaded
            [0x80, 0x3d, ..] => Self::Relative(7, 2),
            // mov %fs:d32, %eax: the same question before glibc 2.36
            [0x64, 0x8b, 0x04, 0x25, ..] => Self::Plain(8),
            // mov $i32, %eax and the like: the call's number or an argument
            [0xb8..=0xbf, ..] => Self::Plain(5),
            [0x41, 0xb8..=0xbf, ..] => Self::Plain(6),
            // xor, mov between registers
            [0x31 | 0x89, 0xc0..=0xff, ..] => Self::Plain(2),
            [
                0x41 | 0x44 | 0x45 | 0x48 | 0x49 | 0x4c | 0x4d,
                0x31 | 0x89,
                0xc0..=0xff,
                ..,
            ] => Self::Plain(3),
            // movslq between registers
            [0x48 | 0x49 | 0x4c | 0x4d, 0x63, 0xc0..=0xff, ..] => Self::Plain(3),
            // mov %fs:d32, %rax: the stack's guard
            [0x64, 0x48, 0x8b, 0x04, 0x25, ..] => Self::Plain(9),
            // push
            [0x50..=0x57, ..] => Self::Plain(1),
            [0x41, 0x50..=0x57, ..] => Self::Plain(2),
            // sub $i8, %rsp
            [0x48, 0x83, 0xec, ..] => Self::Plain(4),
            // sub $i32, %rsp
            [0x48, 0x81, 0xec, ..] => Self::Plain(7),
            // mov register, i8(%rsp)
            [0x48 | 0x4c, 0x89, operand, 0x24, ..] if operand & 0xc7 == 0x44 => Self::Plain(5),
            // mov (%rdi), %eax, and mov i8(%rdi), %eax
            [0x8b, 0x07, ..] => Self::Plain(2),
            [0x8b, 0x47, ..] => Self::Plain(3),
            // cmp $i8, %edi or %eax
            [0x83, 0xff | 0xf8, ..] => Self::Plain(3),
            // lea i8(%rsi), %eax and lea i8(%rdi), %eax
            [0x8d, 0x46 | 0x47, ..] => Self::Plain(3),
            [0x70..=0x7f, ..] => Self::Branch,
            _ => return None,
        })
    }
}

/// What a patch of the function with that `code` would replace; `None` if it is not as
/// expected, or has no room.
pub fn beginning(code: &[u8; ALIGNMENT]) -> Option<Beginning> {
    let start = if code.starts_with(&LANDING) {
        LANDING.len()
    } else {
        0
    };
    let mut end = start;
    let mut count = 0;
    while end < start + JUMP {
        end += Instruction::first_of(&code[end..])?.length();
        count += 1;
    }
    (end <= ALIGNMENT).then_some(Beginning {
        start,
        end,
        is_single: count == 1,
    })
}

/// Whether the function with that `code` passes its arguments on, with 1 for the sixth, and does nothing else.
pub fn passes_on(code: &[u8; ALIGNMENT]) -> bool {
    // mov $1, %r9d; jmp rel32
    const PASSES_ON: [u8; 7] = [0x41, 0xb9, 1, 0, 0, 0, 0xe9];
    code.strip_prefix(&LANDING)
        .unwrap_or(code)
        .starts_with(&PASSES_ON)
}

/// What is called by `call rel32` in that code, which lies at `address`, and what looks like that.
pub fn calls(code: &[u8], address: usize) -> impl Iterator<Item = usize> {
    code.windows(5).enumerate().filter_map(move |(at, bytes)| {
        let [0xe8, a, b, c, d] = *bytes else {
            return None;
        };
        let distance = i32::from_ne_bytes([a, b, c, d]);
        Some((address + at + 5).wrapping_add_signed(distance as isize))
    })
}

/// The distance from the end of an instruction, at `from`, to `target`.
fn distance(from: usize, target: usize) -> Option<[u8; 4]> {
    let distance = target.wrapping_sub(from) as isize;
    Some(i32::try_from(distance).ok()?.to_ne_bytes())
}

/// `jmp target`, as it reads at the address `at`; `None` if that is too far.
pub fn jump(at: usize, target: usize) -> Option<[u8; JUMP]> {
    let [a, b, c, d] = distance(at + JUMP, target)?;
    Some([0xe9, a, b, c, d])
}

/// The instructions from the `start` to the `end` of `beginning`, which are `code` at the
/// address `from`, as they read at the address `to`, and a jump to what follows them.
pub fn relocated(
    code: &[u8; ALIGNMENT],
    beginning: &Beginning,
    from: usize,
    to: usize,
) -> Option<[u8; ROOM]> {
    // Whatever is executed by mistake stops.
    const TRAP: u8 = 0xcc;
    let mut copy = [TRAP; ROOM];
    let (mut read, mut written) = (beginning.start, 0);
    while read < beginning.end {
        let instruction = Instruction::first_of(&code[read..])?;
        let length = instruction.length();
        let bytes = &code[read..read + length];
        read += length;
        match instruction {
            Instruction::Plain(_) => {
                copy[written..written + length].copy_from_slice(bytes);
                written += length;
            }
            Instruction::Relative(_, place) => {
                let operand = i32::from_ne_bytes(bytes[place..place + 4].try_into().ok()?);
                let target = (from + read).wrapping_add_signed(operand as isize);
                copy[written..written + length].copy_from_slice(bytes);
                let moved = distance(to + written + length, target)?;
                copy[written + place..][..4].copy_from_slice(&moved);
                written += length;
            }
            Instruction::Branch => {
                let target = (from + read).wrapping_add_signed(bytes[1] as i8 as isize);
                // jcc rel32
                copy[written..written + 2].copy_from_slice(&[0x0f, bytes[0] + 0x10]);
                written += 6;
                copy[written - 4..written].copy_from_slice(&distance(to + written, target)?);
            }
        }
    }
    copy[written..written + JUMP].copy_from_slice(&jump(to + written, from + read)?);
    Some(copy)
}

/// Replaces `before` by `after`, by one store: another processor sees the code of before or
/// of afterwards. Returns what it has found.
///
/// # Safety
/// `place` can be written.
pub unsafe fn replace(place: *mut u128, before: u128, after: u128) -> u128 {
    let (mut low, mut high) = (before as u64, (before >> 64) as u64);
    // SAFETY: as the caller promises. All processors with 64 bits have the instruction, but
    // for the first ones of 2003. rbx, which the compiler keeps for itself, is put back.
    unsafe {
        asm!(
            "xchg rbx, rsi",
            "lock cmpxchg16b [rdi]",
            "mov rbx, rsi",
            in("rdi") place,
            inout("rsi") after as u64 => _,
            in("rcx") (after >> 64) as u64,
            inout("rax") low,
            inout("rdx") high,
            options(nostack),
        );
    }
    u128::from(high) << 64 | u128::from(low)
}

/// `thunks!(COUNT, TARGETS)`: so many thunks, `green_thunks`, which jump to where the words of
/// the array `TARGETS` lead, and room for so many copies, `green_copies`, on pages of their own,
/// which can be written for a moment.
macro_rules! thunks {
    ($count:ident, $targets:ident) => {
        core::arch::global_asm!(
            ".pushsection .text.green_patch,\"ax\",@progbits",
            ".p2align 12",
            ".cfi_startproc",
            ".hidden green_copies",
            ".globl green_copies",
            "green_copies:",
            ".fill {count} * {room}, 1, 0xcc",
            ".p2align 12, 0xcc",
            ".hidden green_thunks",
            ".globl green_thunks",
            "green_thunks:",
            ".set green_index, 0",
            ".rept {count}",
            "jmp qword ptr [rip + {targets} + 8 * green_index]",
            ".p2align 3, 0xcc",
            ".set green_index, green_index + 1",
            ".endr",
            ".cfi_endproc",
            ".popsection",
            count = const $count,
            room = const $crate::arch::code::ROOM,
            targets = sym $targets,
        );
    };
}
pub(crate) use thunks;
