//! `SIGSETXID`: how glibc changes the credentials of every thread (nptl(7),
//! setuid(2)).
//!
//! The kernel keeps them per kernel thread. glibc signals each thread that it knows
//! and waits until its handler has marked "the calling thread" as done. It knows
//! kernel threads by the TCBs that they were born with, while ours run on others':
//! so the handler that stands in front of glibc's goes back to the TCB of birth for
//! as long as that runs. Husks, which have ids that the kernel does not know, are
//! skipped by glibc as threads that have just ended; some have one that it knows for a
//! while ([`marked`]).

use core::ffi::c_void;
use core::mem;
use core::sync::atomic::{AtomicUsize, Ordering};

use super::{errand, info};
use crate::arch::thread::set_pointer;
use crate::glibc::signals::SIGSETXID;
use crate::glibc::tcb::Tcb;
use crate::sched::worker::{self, Worker};
use crate::sys::action::KernelAction;
use crate::sys::errno;
use crate::sys::sigmask::{self, bit};
use crate::task::{Critical, Kind, current};

type Handler = unsafe extern "C" fn(i32, *mut libc::siginfo_t, *mut c_void);

/// glibc's handler. A forked child keeps it, as it keeps its handlers.
static SIGSETXID_HANDLER: AtomicUsize = AtomicUsize::new(0);

/// Puts our handler in front of glibc's, which is there since the process's first
/// `pthread_create`.
pub fn intercept() {
    let mut action = KernelAction::of(SIGSETXID);
    let ours = handler as *const () as usize;
    if action.is_handler() && action.handler != ours {
        SIGSETXID_HANDLER.store(action.handler, Ordering::Release);
        action.handler = ours;
        // No handler of the program may run on a TCB that is not its stack's.
        action.mask = !0;
        // SAFETY: glibc's action with another handler of the same type.
        unsafe { action.install(SIGSETXID) };
    }
}

/// Has glibc change the credentials of all threads by `change`, which returns what a
/// libc function does and makes system calls only.
///
/// glibc does not signal the caller, since that is the kernel thread it is on. The
/// main thread's TCB is that of the process's first kernel thread, wherever the main
/// thread runs by now: there it has to call from the TCB that its worker was born
/// with.
pub fn broadcast(change: impl FnOnce() -> i32) -> i32 {
    let me = current();
    let worker = worker::last_of(me);
    let is_main = !me.is_lent() && me.is_main();
    let Some(worker) = worker.filter(|_| is_main) else {
        return change();
    };
    let native = worker.native();
    if native == me.pointer.get() {
        return change();
    }
    // The base context's block is at `native`, and its owner is always critical:
    // signals are deferred as in a switch.
    let _critical = Critical::enter();
    // SAFETY: both are TCBs; `change` makes system calls only.
    let (result, error) = unsafe {
        set_pointer(native);
        let outcome = with_errno(change);
        set_pointer(me.pointer.get());
        outcome
    };
    if result == -1 {
        errno::set(error);
    }
    result
}

/// Never inlined: where `errno` is depends on the TCB.
#[inline(never)]
fn with_errno(change: impl FnOnce() -> i32) -> (i32, i32) {
    let result = change();
    (result, errno::get())
}

unsafe extern "C" fn handler(signal: i32, came_with: *mut libc::siginfo_t, context: *mut c_void) {
    let glibcs = SIGSETXID_HANDLER.load(Ordering::Acquire);
    // SAFETY: set before this handler was installed; `intercept` has stored a handler.
    let glibcs: Handler = unsafe { mem::transmute(glibcs) };
    let me = current();
    // SAFETY: the kernel passes a siginfo_t.
    if info::is_nudge(unsafe { &*came_with }) {
        // Inside the runtime its own end of the critical section does it.
        if me.kind() == Kind::Green && !me.is_critical() {
            errand::run(me);
        }
        return;
    }
    let worker = worker::last_of(me);
    match worker.filter(|_| me.kind() != Kind::Foreign) {
        // SAFETY: as the kernel has called us. All signals are blocked, so nothing
        // sees the other TCB but glibc's handler, which makes system calls only.
        Some(worker) => unsafe {
            set_pointer(marked(worker).unwrap_or_else(|| me.pointer.get()));
            open_to_abort(|| glibcs(signal, came_with, context));
            set_pointer(me.pointer.get());
        },
        // SAFETY: as the kernel has called us.
        None => unsafe { open_to_abort(|| glibcs(signal, came_with, context)) },
    }
}

/// The TCB that `worker`, the caller's, has been signalled for. glibc goes on until it finds no mark in any that has the id of
/// a thread of the kernel's. That are first of all the TCBs that kernel threads were born with. A thread that waits for a mutex
/// whose owner the kernel knows has its kernel thread's id as well, and the first worker's base context may have that of the
/// process (`sched/tie.rs`): then the kernel thread is signalled once for each, and signals of this number queue. It does not
/// matter which comes first.
fn marked(worker: &Worker) -> Option<usize> {
    let others = [Some(worker.base()), worker.running_thread()]
        .into_iter()
        .flatten();
    let others = others.map(|thread| thread.pointer.get());
    let mut all = core::iter::once(worker.native()).chain(others);
    // SAFETY: of threads whose TCBs stay.
    all.find(|&pointer| unsafe { Tcb::at(pointer) }.changes_credentials())
}

/// glibc's handler aborts the process where the kernel refuses what it has done for the caller, and from 2.41
/// on `abort` lets a handler run only where its signal is not blocked. On base contexts it may have been before,
/// too. (Another such signal is deferred, as in a switch.)
fn open_to_abort(act: impl FnOnce()) {
    sigmask::set(!bit(libc::SIGABRT));
    act();
    sigmask::set(!0);
}
