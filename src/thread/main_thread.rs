//! The main thread: a green thread on a stack and a TCB that libgreen has not
//! made.

use core::ptr;
use core::sync::atomic::Ordering;

use super::{join, scheduling};
use crate::arch::thread::pointer;
use crate::sched::idle;
use crate::sched::mask::idle_mask;
use crate::sched::worker::Worker;
use crate::signal;
use crate::sys::raw::syscall;
use crate::task::{Critical, Kind, current, process, set_main_thread};

/// Makes the calling thread a green one that runs on `worker`.
pub fn adopt(worker: &'static Worker) {
    let me = current();
    let pointer = pointer();
    me.pointer.set(pointer);
    // It will move between kernel threads like any other.
    me.tcb().unregister_rseq();
    me.tcb().disable_rseq();
    // SAFETY: no arguments.
    me.tid
        .store(unsafe { syscall!(SYS_getpid) } as i32, Ordering::Relaxed);
    me.worker
        .store(ptr::from_ref(worker).cast_mut().cast(), Ordering::Relaxed);
    me.mask.begin(worker.mask.get());
    me.cpu_time.adopt();
    me.settled_mask.store(worker.mask.get(), Ordering::Relaxed);
    if worker.mask.get() != 0 {
        signal::shared::need();
    }
    process::begin(me);
    me.life.begin(false);
    me.result.set(join::CANCELED);
    // It may have cancelled itself before.
    me.cancelled
        .store(me.tcb().is_cancelled(), Ordering::Relaxed);
    signal::stack::adopt(me);
    me.suspended_mask.set(None);
    me.set_rank(scheduling::of_workers().rank());
    let mut name = [0u8; 16];
    // SAFETY: the kernel writes at most 16 bytes.
    unsafe { syscall!(SYS_prctl, libc::PR_GET_NAME, name.as_mut_ptr()) };
    me.name.set(name);
    signal::adopt::pending(me);
    me.become_kind(Kind::Green, pointer);
    set_main_thread(Some(me));
}

/// The main thread has ended by `pthread_exit`, and others go on.
pub fn ended() {
    let _critical = Critical::enter();
    set_main_thread(None);
    signal::shared::need();
    idle::renew_mask(idle_mask());
}

/// In a forked child the calling thread is the only one and a plain kernel
/// thread, until it creates another.
///
/// # Safety
/// The caller is the process's only thread, and was green.
pub unsafe fn become_only_one() {
    let me = current();
    if me.kind() == Kind::Green {
        signal::stack::hand_back(me);
    }
    me.become_foreign();
}
