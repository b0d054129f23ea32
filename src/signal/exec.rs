//! A thread that executes another program: what is blocked and waits for it alone stays pending
//! (execve(2)).
//!
//! The kernel keeps the mask, and what waits for the kernel thread. So it is told right before of what is
//! [pending](crate::task::pending) in the thread's block.

use super::info::{self, To};
use super::wait;
use crate::sched::lend;
use crate::sys::raw::syscall;
use crate::sys::sigmask::{HIGHEST, bit};
use crate::task::pending::{Pending, Taken};
use crate::task::{Critical, Thread, current};

/// Runs `call`, which returns only if the calling thread goes on with this program.
pub fn across<R>(call: impl FnOnce() -> R) -> R {
    let me = current();
    // SeqCst: what was sent before.
    let is_concerned =
        me.is_green() && !lend::is_elsewhere() && me.pending.bits_now() & me.mask.get() != 0;
    if !is_concerned {
        return call();
    }
    let _critical = Critical::enter();
    let told = tell(me);
    let result = call();
    take_back(me, &told);
    result
}

/// Has the kernel keep what `me`, the caller, blocks and what waits for it alone: that.
fn tell(me: &Thread) -> Pending {
    let told = Pending::new();
    let blocked = me.pending.bits_now() & me.mask.get();
    for signal in (1..=HIGHEST).filter(|signal| blocked & bit(*signal) != 0) {
        // Nudges that nobody has taken must not be there: the other program would take them for signals.
        let shared = Pending::new();
        while let Some(came_with) = wait::poll(signal) {
            shared.add(signal, &came_with, true);
        }
        while let Some(taken) = me.pending.take(bit(signal)) {
            if taken.shared {
                shared.add(signal, &taken.info, true);
            } else {
                told.add(signal, &taken.info, false);
                send_to_own_kernel_thread(&taken);
            }
        }
        shared.take_shared(!0, super::send::give_back);
    }
    told
}

fn send_to_own_kernel_thread(taken: &Taken) {
    // SAFETY: plain arguments.
    unsafe {
        let own = syscall!(SYS_gettid);
        if taken.info.si_code == libc::SI_TKILL {
            // The kernel says the same, and would not believe most threads.
            syscall!(SYS_tgkill, syscall!(SYS_getpid), own, taken.signal);
        } else {
            info::send(To::KernelThread(own as i32), taken.signal, &taken.info);
        }
    }
}

/// The thread, `me`, is still here: what was `told` waits in its block again.
fn take_back(me: &Thread, told: &Pending) {
    while let Some(taken) = told.take(!0) {
        // What waits for the kernel thread comes before what waits for the process.
        wait::poll(taken.signal);
        me.pending.add(taken.signal, &taken.info, false);
    }
}
