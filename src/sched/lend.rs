//! A thread lent to a child that shares this process's memory: `vfork`.
//!
//! The child runs on the thread's own stack and TCB while the parent's kernel thread is
//! in the kernel, until the child has called `exec` or ended. What the child has of its
//! own is in the kernel: descriptors, signal actions and mask, limits. So every hook
//! takes the native way there and leaves the parent's records alone, while to everybody
//! else in the parent the thread is what it was: green, and blocked.

use core::mem;
use core::sync::atomic::{AtomicI32, Ordering};

use libc::pid_t;

use super::blocking;
use super::children::{makers, tracing};
use super::kernel_thread::process;
use crate::hub::descriptor;
use crate::sched;
use crate::sys::errno;
use crate::task::{Critical, Lent, Thread, current, green};

/// The process whose threads are green, and may be lent. In a forked child there are none until
/// it is set anew.
static OWNER: AtomicI32 = AtomicI32::new(0);

/// This process has green threads from here on.
pub fn begin() {
    OWNER.store(process(), Ordering::Relaxed);
}

/// Whether the caller is a child that shares the memory of the process with the green
/// threads, whoever has made it: libc's `posix_spawn` lends nothing.
pub fn is_elsewhere() -> bool {
    process() != OWNER.load(Ordering::Relaxed)
}

/// Lends the calling thread: right before the system call that makes the child. Returns
/// what [`take_back`] needs to know: such a child may do the same again.
pub extern "C" fn lend() -> Lent {
    let me = current();
    // The child has every open file, and what it passes on to the program that it
    // executes.
    descriptor::share_all();
    if sched::is_running() && !current().is_lent() {
        tracing::before_fork();
    }
    makers::begin();
    let parks = green();
    // Critical until it is taken back: a handler that parks would come back with a slot, and what
    // comes for the parent in the moments before and after the child's time waits.
    mem::forget(Critical::enter());
    if !me.is_lent() {
        begin();
        if let Some(me) = parks {
            blocking::enter(me);
        }
    }
    me.lend()
}

/// The thread is its process's own again.
pub fn take_back(before: Lent) {
    current().take_back(before);
    descriptor::share_all();
    if let Some(me) = green() {
        blocking::leave(me);
    }
}

/// [`take_back`], and what `vfork(2)` returns where the system call has returned `child`.
pub extern "C" fn return_from_vfork(before: Lent, child: isize) -> pid_t {
    take_back(before);
    let child = errno::to_libc(child) as pid_t;
    makers::know(child);
    child
}

/// Whether the caller is a child to which `me`, its thread, is lent.
pub fn is_borrowed(me: &Thread) -> bool {
    me.is_lent() && is_elsewhere()
}
