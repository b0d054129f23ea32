//! Being told when the loader has loaded something.
//!
//! For debuggers the loader has a function that it calls before and after each change,
//! which does nothing but return: they put a breakpoint there (<link.h>, `r_brk`). A
//! jump in that place tells this process itself, at the moment that matters: the new
//! objects are mapped, and no code of theirs has run.

use core::sync::atomic::{AtomicBool, Ordering};

use super::link_map;
use super::loader;
use super::writable;
use crate::arch::code;

/// The space of a function that is aligned as functions are.
const ROOM: usize = 16;
/// `jmp [rip]`, followed by the address to go to.
const JUMP: [u8; 6] = [0xff, 0x25, 0, 0, 0, 0];
/// `endbr64`.
const LANDING: [u8; 4] = [0xf3, 0x0f, 0x1e, 0xfa];
const RETURN: u8 = 0xc3;

/// A forked child keeps it: the loader there is the same.
static ASKED: AtomicBool = AtomicBool::new(false);

/// Whether [`watch`] was called, whatever has come of it.
pub fn was_asked() -> bool {
    // Acquire pairs with the Release in `watch`: the loader's code is changed.
    ASKED.load(Ordering::Acquire)
}

/// Has `told` called, by the thread at work and under the loader's lock, before and
/// after each change of what is loaded, if that can be had. By one thread at a time; others may be at
/// `dlopen`.
pub fn watch(told: extern "C" fn()) {
    let function = link_map::breakpoint();
    if function != 0 && function.is_multiple_of(ROOM) {
        // SAFETY: an aligned function's code.
        let code = unsafe { *(function as *const [u8; ROOM]) };
        if code.is_empty_function() {
            // SAFETY: an empty function, which the loader lets others replace.
            unsafe { replace(function, code, told) };
        }
    }
    ASKED.store(true, Ordering::Release);
}

/// # Safety
/// `function` has [`ROOM`] bytes, those of an empty function.
unsafe fn replace(function: usize, before: [u8; ROOM], told: extern "C" fn()) {
    let mut after = [0u8; ROOM];
    after[..JUMP.len()].copy_from_slice(&JUMP);
    after[JUMP.len()..][..8].copy_from_slice(&(told as usize).to_ne_bytes());
    let range = loader::code();
    // SAFETY: the loader's code. Who is there returns, or finds the jump.
    unsafe {
        if range.contains(&function) && writable::open(&range) {
            let (before, after) = (u128::from_ne_bytes(before), u128::from_ne_bytes(after));
            code::replace(function as *mut u128, before, after);
            writable::close(&range);
        }
    }
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
