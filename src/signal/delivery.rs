//! From the kernel's delivery to the handler's run on the right thread.

use core::sync::atomic::Ordering;

use super::info::{self, To};
use super::{actions, send, stack};
use crate::arch::frame::Frame;
use crate::hub::epoll;
use crate::sched::lend;
use crate::sys::raw::syscall;
use crate::sys::sigmask::bit;
use crate::task::{Kind, Thread, all_husks, current, deferred, main_thread, pending};

fn accepts(thread: &Thread, signal: i32) -> bool {
    thread.mask.load(Ordering::Relaxed) & bit(signal) == 0
}

/// Whom a signal that has hit `me` is meant for, if not for `me`: `shared`, the process has
/// got it, the main thread unless that blocks it.
fn addressee(me: &Thread, signal: i32, shared: bool) -> Option<&'static Thread> {
    main_thread()
        .filter(|_| shared)
        .filter(|main| !main.is(me) && accepts(main, signal))
}

/// Whether the signal that has hit `me` was sent to the process: a timer's does not say, but one
/// that has hit a thread with timers of its own is taken for one of those.
fn is_shared(me: &Thread, signal: i32, came_with: &libc::siginfo_t) -> bool {
    let of_own_timer = came_with.si_code == libc::SI_TIMER && me.timed.load(Ordering::Relaxed);
    info::is_process_directed(signal, came_with) && !of_own_timer
}

/// Whether the signal that has hit `me` only says that one waits. Where that does not show,
/// since the kernel has lost what came with it or could not be given a mark, it is taken for
/// that if one does. But nobody else sends one without a mark to a green thread, which has
/// another id to libc.
fn is_nudge(me: &Thread, signal: i32, came_with: &libc::siginfo_t) -> bool {
    let unmarked = info::is_unmarked(came_with);
    let unclear = unmarked || info::is_lost(came_with);
    info::is_nudge(came_with)
        || unclear && me.pending.bits_now() & bit(signal) != 0
        || unmarked && me.kind() != Kind::Foreign
}

/// Whether the thread has just caused the signal.
fn is_fault(signal: i32, came_with: &libc::siginfo_t) -> bool {
    actions::is_synchronous(signal) && came_with.si_code > 0
}

/// Whether libc aborts the process, by `raise`: that cannot wait, wherever in the runtime the
/// caller is, since the kernel ends the process when the handler has not run.
fn is_abort(me: &Thread, signal: i32, came_with: &libc::siginfo_t) -> bool {
    // SAFETY: the field is there with this code; no arguments.
    signal == libc::SIGABRT
        && came_with.si_code == libc::SI_TKILL
        && unsafe { came_with.si_pid() as isize == syscall!(SYS_getpid) }
        && me.pending.bits_now() & bit(signal) == 0
}

fn kernel_thread() -> i32 {
    // SAFETY: no arguments.
    unsafe { syscall!(SYS_gettid) as i32 }
}

/// The main thread if it accepts `signal`, else one that does. A wired one has a kernel
/// thread that is open to it, and is none.
pub fn acceptor(signal: i32) -> Option<&'static Thread> {
    let lives = |thread: &&Thread| !thread.life.is_over() && !thread.pending.is_closed();
    main_thread()
        .into_iter()
        .chain(all_husks())
        .filter(|thread| thread.parks())
        .filter(lives)
        .find(|thread| accepts(thread, signal))
}

/// What the trampoline goes on with.
#[repr(C)]
pub struct Start {
    /// Where the handler's stack begins.
    pub frame: *mut Frame,
    /// The parts of an [`Action`](actions::Action).
    pub handler: usize,
    /// Likewise.
    pub flags: usize,
    /// Likewise.
    pub mask: u64,
}

/// What becomes of the signal that the kernel has given to the calling thread with
/// `frame`. True if a handler is to run here; then `start` says which and where. All
/// signals are blocked.
///
/// # Safety
/// For the trampoline: both can be written.
pub unsafe extern "C" fn decide(signal: i32, frame: *mut Frame, start: *mut Start) -> bool {
    let me = current();
    // SAFETY: as the caller promises.
    let frame = unsafe { &mut *frame };
    if lend::is_borrowed(me) {
        // Nobody but the child that runs here is meant.
        // SAFETY: as the caller promises.
        return unsafe { begin(me, signal, frame, start) };
    }
    if is_abort(me, signal, &frame.info) {
        // SAFETY: as the caller promises.
        return unsafe { begin(me, signal, frame, start) };
    }
    if me.is_critical() && !is_fault(signal, &frame.info) {
        defer(me, signal, &mut frame.info);
        return false;
    }
    info::undisguise(&mut frame.info);
    let shared = is_shared(me, signal, &frame.info);
    // A real one queues behind those that came before.
    let queued = pending::queues(signal) && me.pending.bits_now() & bit(signal) != 0;
    if is_nudge(me, signal, &frame.info) {
        // Not critical, so its own thread has run since, or the target is `me`.
        let Some(taken) = me.pending.take(bit(signal)) else {
            return false;
        };
        frame.info = taken.info;
    } else if let Some(thread) = addressee(me, signal, shared) {
        send::send(thread, signal, &frame.info, shared);
        return false;
    } else if queued && me.kind() == Kind::Green {
        send::add(me, signal, &frame.info, shared);
        match me.pending.take(bit(signal)) {
            Some(taken) => frame.info = taken.info,
            None => return false,
        }
    }
    // SAFETY: as the caller promises.
    unsafe { begin(me, signal, frame, start) }
}

/// Has the handler for `signal` run on `me`, the caller.
///
/// # Safety
/// As for [`decide`].
unsafe fn begin(me: &'static Thread, signal: i32, frame: &mut Frame, start: *mut Start) -> bool {
    let Some(action) = actions::take(signal) else {
        if !is_fault(signal, &frame.info) {
            // The action has changed since: the kernel acts on that, once this returns.
            info::send(To::KernelThread(kernel_thread()), signal, &frame.info);
        }
        return false;
    };
    info::clean(&mut frame.info);
    let wanted = Start {
        frame: stack::place(me, action.flags, frame),
        handler: action.handler,
        flags: action.flags as usize,
        mask: action.mask,
    };
    // SAFETY: as the caller promises.
    unsafe { start.write(wanted) };
    true
}

/// Inside the runtime nothing can be done but to take note.
fn defer(me: &'static Thread, signal: i32, came_with: &mut libc::siginfo_t) {
    if is_nudge(me, signal, came_with) {
        // `me` will look at the end of its critical section.
        return;
    }
    info::undisguise(came_with);
    let shared = is_shared(me, signal, came_with);
    let idle = me.kind() == Kind::Base;
    let mut target = addressee(me, signal, shared);
    if idle {
        // Where nobody accepts it the main thread has closed its mask just now, and
        // puts it back.
        target = target.or_else(|| acceptor(signal)).or_else(main_thread);
    }
    if idle && target.is_none() {
        // The main thread has ended just now.
        info::send(To::Process, signal, came_with);
        return;
    }
    let target = target.unwrap_or(me);
    send::add(target, signal, came_with, shared);
    if target.is(me) {
        send::stay(me);
    } else {
        deferred::add(target);
        if idle {
            // It may be on its way to sleep in the hub.
            epoll::kick();
        }
    }
}
