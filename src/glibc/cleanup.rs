//! glibc's cleanup handlers of before exceptions: what runs when `pthread_exit` or cancellation
//! unwinds the stack past a place, without anything to drop there, and when a `longjmp` leaves it
//! (glibc, nptl/cleanup_compat.c and sysdeps/nptl/jmp-unwind.c).

use core::cell::UnsafeCell;
use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;

/// `struct _pthread_cleanup_buffer` (<pthread.h>), which glibc links into its list.
#[repr(C)]
struct Buffer {
    routine: unsafe extern "C-unwind" fn(*mut c_void),
    argument: *mut c_void,
    kind: c_int,
    previous: *mut Buffer,
}

unsafe extern "C" {
    fn _pthread_cleanup_push(
        buffer: *mut Buffer,
        routine: unsafe extern "C-unwind" fn(*mut c_void),
        argument: *mut c_void,
    );
    fn _pthread_cleanup_pop(buffer: *mut Buffer, execute: c_int);
}

unsafe extern "C-unwind" fn call<F: FnMut()>(function: *mut c_void) {
    // SAFETY: from `guarded`, whose frame is still there.
    unsafe { (*function.cast::<F>())() }
}

/// Calls `act`; if that is left by unwinding or by a jump, calls `unwound` on the way, as the cleanup
/// of glibc's own calls is. What there is to drop in the callers of either is lost by a jump.
pub fn guarded<R, F: FnMut()>(mut unwound: F, act: impl FnOnce() -> R) -> R {
    let buffer = UnsafeCell::new(MaybeUninit::<Buffer>::uninit());
    let place = buffer.get().cast::<Buffer>();
    // SAFETY: both live in this frame, and glibc forgets the buffer before that ends: here, at
    // the unwinding, or when `longjmp` leaves it.
    unsafe {
        _pthread_cleanup_push(place, call::<F>, (&raw mut unwound).cast());
        let result = act();
        _pthread_cleanup_pop(place, 0);
        result
    }
}
