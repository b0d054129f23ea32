//! `syscall(2)`: a number for which there is a hooked function is that function.

use core::ffi::c_long;

use super::symbol::check;
use super::syscall_call::Call;
use super::{syscall_blocking, syscall_numbers};
use crate::sys::errno;

/// `syscall(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn syscall(
    number: c_long,
    a: usize,
    b: usize,
    c: usize,
    d: usize,
    e: usize,
    f: usize,
) -> c_long {
    let call = Call {
        number,
        arguments: [a, b, c, d, e, f],
    };
    // SAFETY: as the caller promises.
    let result = unsafe {
        match syscall_blocking::run(&call) {
            Some(result) => result,
            None => syscall_numbers::run(&call),
        }
    };
    errno::to_libc(result) as c_long
}
check!(syscall(_; _, _, _, _, _, _));
