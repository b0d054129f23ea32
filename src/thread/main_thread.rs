//! The main thread: a green thread on a stack and a TCB that libgreen has not
//! made.

use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

use super::{Kind, Thread, current, exit, pointer, tcb};
use crate::sched::worker::Worker;
use crate::sys::raw::syscall;

static MAIN: AtomicPtr<Thread> = AtomicPtr::new(ptr::null_mut());

/// The main thread, once green threads run.
#[inline(always)]
pub fn get() -> Option<&'static Thread> {
    // SAFETY: null or a thread's block; the main thread's lives to the end.
    unsafe { MAIN.load(Ordering::Relaxed).as_ref() }
}

/// Makes the calling thread a green one that runs on `worker`.
pub fn adopt(worker: &'static Worker) {
    let me = current();
    let pointer = pointer();
    me.pointer.set(pointer);
    // It will move between kernel threads like any other.
    tcb::unregister_rseq(me);
    tcb::disable_rseq(me);
    // SAFETY: no arguments.
    me.tid.set(unsafe { syscall!(SYS_getpid) } as i32);
    me.worker.set(worker);
    me.mask.store(worker.mask.get(), Ordering::Relaxed);
    me.life.store(0, Ordering::Relaxed);
    me.result.set(exit::CANCELED);
    // It may have cancelled itself before.
    me.cancelled.store(tcb::is_cancelled(me), Ordering::Relaxed);
    let mut stack = libc::stack_t {
        ss_sp: ptr::null_mut(),
        ss_flags: libc::SS_DISABLE,
        ss_size: 0,
    };
    // SAFETY: `stack` is writable.
    unsafe { syscall!(SYS_sigaltstack, 0usize, &raw mut stack) };
    me.alternate_stack.set((
        stack.ss_sp,
        stack.ss_size,
        stack.ss_flags & libc::SS_DISABLE == 0,
    ));
    let mut name = [0u8; 16];
    // SAFETY: the kernel writes at most 16 bytes.
    unsafe { syscall!(SYS_prctl, libc::PR_GET_NAME, name.as_mut_ptr()) };
    me.name.set(name);
    me.become_kind(Kind::Green, pointer);
    MAIN.store(ptr::from_ref(me).cast_mut(), Ordering::Relaxed);
    exit::count_in();
}

/// The main thread has ended by `pthread_exit`, and others go on.
pub fn ended() {
    MAIN.store(ptr::null_mut(), Ordering::Relaxed);
}

/// In a forked child the calling thread is the only one and a plain kernel
/// thread, until it creates another.
///
/// # Safety
/// The caller is the process's only thread, and was green.
pub unsafe fn reset_in_child() {
    let me = current();
    if me.kind() == Kind::Green {
        // SAFETY: what ran on a worker knows it.
        let base = unsafe { &*me.worker.get() }.base();
        // The kernel thread has inherited its parent's registration, whose area
        // is in the block of a thread that is no more.
        tcb::unregister_rseq(base);
    }
    me.become_foreign();
    MAIN.store(ptr::null_mut(), Ordering::Relaxed);
    exit::reset();
}
