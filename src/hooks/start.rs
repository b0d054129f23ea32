//! `main`: what a `pthread_exit` of the main thread comes back to.

use core::ffi::{c_char, c_int, c_void};
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

use crate::arch::entry::protected_call;
use crate::glibc::real::real;
use crate::task::{Kind, current};
use crate::thread::exit;

type Main = unsafe extern "C-unwind" fn(c_int, *mut *mut c_char, *mut *mut c_char) -> c_int;

/// The program's `main`. A forked child keeps it.
static PROGRAM_MAIN: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

/// glibc would end the *kernel* thread that calls `pthread_exit` out of `main`,
/// which may be anybody's by then.
unsafe extern "C-unwind" fn main(
    count: c_int,
    arguments: *mut *mut c_char,
    environment: *mut *mut c_char,
) -> c_int {
    let main = PROGRAM_MAIN.load(Ordering::Relaxed);
    // SAFETY: main's own arguments.
    let outcome = unsafe {
        protected_call(
            main,
            count as usize,
            arguments as usize,
            environment as usize,
        )
    };
    if outcome.unwound == 0 {
        return outcome.result.addr() as c_int;
    }
    let me = current();
    if me.kind() == Kind::Green {
        exit::finish(me)
    }
    exit::run_destructors();
    exit::count_out();
    // glibc ends the kernel thread, which is nobody else's.
    let real = real!(pthread_exit: unsafe extern "C-unwind" fn(*mut c_void) -> !);
    // SAFETY: nothing has to be dropped on the way.
    unsafe { real(me.result.get()) }
}

/// Where the program's start-up code enters libc (glibc, csu/libc-start.c).
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn __libc_start_main(
    program_main: Main,
    count: c_int,
    arguments: *mut *mut c_char,
    init: *mut c_void,
    fini: *mut c_void,
    rtld_fini: *mut c_void,
    stack_end: *mut c_void,
) -> c_int {
    type Real = unsafe extern "C-unwind" fn(
        Main,
        c_int,
        *mut *mut c_char,
        *mut c_void,
        *mut c_void,
        *mut c_void,
        *mut c_void,
    ) -> c_int;
    PROGRAM_MAIN.store(program_main as *mut c_void, Ordering::Relaxed);
    let real = real!(__libc_start_main: Real);
    // SAFETY: the start-up code's own arguments.
    unsafe { real(main, count, arguments, init, fini, rtld_fini, stack_end) }
}
