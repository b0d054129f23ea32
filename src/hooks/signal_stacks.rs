//! Alternate signal stacks.

use core::ffi::{c_int, c_void};
use core::ptr;

use libc::stack_t;

use super::symbol::check;
use crate::glibc::real::real;
use crate::signal::stack;
use crate::sys::errno;
use crate::task::green_or_wired;

/// `struct sigstack` of <signal.h>.
#[repr(C)]
pub struct SigStack {
    top: *mut c_void,
    in_use: c_int,
}

/// `sigaltstack(2)`: each thread's own, see [`stack`].
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sigaltstack(new: *const stack_t, old: *mut stack_t) -> c_int {
    let Some(me) = green_or_wired() else {
        let real = real!(sigaltstack(_, _));
        // SAFETY: as the caller promises.
        return unsafe { real(new, old) };
    };
    // SAFETY: as the caller promises.
    errno::to_libc(unsafe { stack::change(me, new, old) }) as c_int
}
check!(sigaltstack(_, _));

/// BSD's `sigstack`, which is not told how large the stack is: glibc takes all that
/// lies below for it.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sigstack(new: *const SigStack, old: *mut SigStack) -> c_int {
    // SAFETY: as the caller promises.
    let wanted = unsafe { new.as_ref() }.map(|new| stack_t {
        ss_sp: new.top,
        ss_flags: if new.in_use != 0 { libc::SS_ONSTACK } else { 0 },
        ss_size: new.top as usize,
    });
    let mut before = stack_t {
        ss_sp: ptr::null_mut(),
        ss_flags: 0,
        ss_size: 0,
    };
    // SAFETY: both are live.
    let result = unsafe {
        sigaltstack(
            wanted.as_ref().map_or(ptr::null(), ptr::from_ref),
            &mut before,
        )
    };
    if result == 0 && !old.is_null() {
        let in_use = c_int::from(before.ss_flags & libc::SS_ONSTACK != 0);
        // SAFETY: as the caller promises.
        unsafe {
            old.write(SigStack {
                top: before.ss_sp,
                in_use,
            })
        };
    }
    result
}
