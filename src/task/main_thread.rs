//! Who the main thread is, and where its stack.

use core::mem::MaybeUninit;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

use super::Thread;
use crate::sys::in_child::{in_child, restore};
use crate::sys::raw::syscall;

static MAIN: AtomicPtr<Thread> = AtomicPtr::new(ptr::null_mut());

/// In a forked child nobody is, until it starts threads of its own.
fn reset() {
    restore(&MAIN, ptr::null_mut());
}

in_child!(reset);

/// The main thread, once green threads run and until it has ended.
#[inline(always)]
pub fn main_thread() -> Option<&'static Thread> {
    // SAFETY: null or a thread's block; the main thread's lives to the end.
    unsafe { MAIN.load(Ordering::Relaxed).as_ref() }
}

impl Thread {
    /// Whether it is that.
    #[inline(always)]
    pub fn is_main(&self) -> bool {
        main_thread().is_some_and(|main| main.is(self))
    }
}

/// From here on that is who it is. SeqCst: those whom it concerns are asked afterwards.
pub fn set_main_thread(thread: Option<&'static Thread>) {
    let thread = thread.map_or(ptr::null(), ptr::from_ref);
    MAIN.store(thread.cast_mut(), Ordering::SeqCst);
}

/// The main thread's stack, where nothing limits it, is taken to be no larger, in bytes.
const LARGEST: usize = 1 << 30;

unsafe extern "C" {
    /// ld.so: where the kernel has left the stack pointer for the program.
    static __libc_stack_end: usize;
}

/// Whether `address` is on the stack that the kernel has given to the process.
pub fn has_on_stack(address: usize) -> bool {
    let mut limit = MaybeUninit::<libc::rlimit>::zeroed();
    // SAFETY: ld.so has set the one at the start; the other is writable, and zeros are
    // valid.
    let (end, limit) = unsafe {
        syscall!(SYS_getrlimit, libc::RLIMIT_STACK, limit.as_mut_ptr());
        (__libc_stack_end, limit.assume_init().rlim_cur)
    };
    let size = usize::try_from(limit).unwrap_or(usize::MAX).min(LARGEST);
    end.wrapping_sub(address) < size
}
