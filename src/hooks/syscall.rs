//! `syscall(2)`: a number for which there is a hooked function is that function.

use core::ffi::c_long;

use super::symbol::check;
use super::{syscall_blocking, syscall_numbers};
use crate::signal::system_call;
use crate::sys::errno;

/// A system call as `syscall(2)` is given it.
#[derive(Clone, Copy)]
pub struct Call {
    /// `SYS_*`.
    pub number: c_long,
    /// Those that the call has, and whatever the registers held.
    pub arguments: [usize; 6],
}

impl Call {
    /// The kernel's own result. Whoever can be cancelled anywhere can be here.
    ///
    /// # Safety
    /// The arguments are valid for the system call.
    pub unsafe fn kernel(&self) -> isize {
        // SAFETY: as the caller promises.
        unsafe { system_call::make(self.number, self.arguments) }
    }
}

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
