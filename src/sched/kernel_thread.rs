//! Kernel threads of the runtime's own.

use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::sync::atomic::AtomicU32;

use crate::sys::futex;
use crate::sys::raw::syscall;
use crate::sys::real::real;

type RealCreate = unsafe extern "C" fn(
    *mut libc::pthread_t,
    *const libc::pthread_attr_t,
    extern "C" fn(*mut c_void) -> *mut c_void,
    *mut c_void,
) -> i32;

/// glibc's own `pthread_create`.
pub fn real_pthread_create() -> RealCreate {
    real!(pthread_create: RealCreate)
}

/// Starts a detached kernel thread of the runtime's own, all signals blocked.
pub fn start(
    main: extern "C" fn(*mut c_void) -> *mut c_void,
    argument: *mut c_void,
    stack_size: usize,
) -> Result<(), i32> {
    match try_start(main, argument, Some(stack_size)) {
        // The static TLS of this program does not fit: take the default size.
        Err(libc::EINVAL) => try_start(main, argument, None),
        result => result,
    }
}

fn try_start(
    main: extern "C" fn(*mut c_void) -> *mut c_void,
    argument: *mut c_void,
    stack_size: Option<usize>,
) -> Result<(), i32> {
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    let mut id = 0;
    // SAFETY: plain initialisation and use of the attribute object.
    let result = unsafe {
        let attributes = attributes.as_mut_ptr();
        libc::pthread_attr_init(attributes);
        libc::pthread_attr_setdetachstate(attributes, libc::PTHREAD_CREATE_DETACHED);
        if let Some(bytes) = stack_size {
            libc::pthread_attr_setstacksize(attributes, bytes);
        }
        libc::sigfillset(all.as_mut_ptr());
        pthread_attr_setsigmask_np(attributes, all.as_ptr());
        let result = real_pthread_create()(&mut id, attributes, main, argument);
        libc::pthread_attr_destroy(attributes);
        result
    };
    if result == 0 { Ok(()) } else { Err(result) }
}

unsafe extern "C" {
    /// glibc 2.32: the signal mask that the new thread starts with.
    pub fn pthread_attr_setsigmask_np(
        attributes: *mut libc::pthread_attr_t,
        mask: *const libc::sigset_t,
    ) -> i32;
}

/// Ends the calling kernel thread, whose stack is never used again. The process's
/// first one stays, since /proc shows the process by it.
pub fn end() -> ! {
    let never = AtomicU32::new(0);
    loop {
        // SAFETY: no arguments; ends this kernel thread only, whose stack is
        // never used again.
        unsafe {
            if syscall!(SYS_getpid) != syscall!(SYS_gettid) {
                syscall!(SYS_exit, 0);
            }
        }
        futex::wait(&never, 0);
    }
}
