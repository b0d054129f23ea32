//! A system call by number.

use core::ffi::c_long;

use crate::signal::system_call;

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
