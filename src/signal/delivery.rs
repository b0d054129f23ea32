//! From the kernel's delivery to the handler's run on the right thread.

use core::sync::atomic::Ordering;

use super::acceptor::{acceptor, accepts};
use super::info::{self, To};
use super::{actions, processor_time, send, stack, steps};
use crate::arch::frame::Frame;
use crate::hub::eventfd;
use crate::sched::children::makers;
use crate::sched::{lend, worker};
use crate::sys::raw::syscall;
use crate::sys::sigmask::bit;
use crate::sys::task_state;
use crate::task::{Kind, Thread, current, deferred, main_thread, pending};

/// Who gets before all others what the process has got: who has made the child that it tells of, or the
/// main thread, unless he blocks it.
fn first(signal: i32, came_with: &libc::siginfo_t) -> Option<&'static Thread> {
    let accepting = |thread: &&Thread| accepts(thread, signal);
    let maker = info::child(signal, came_with).and_then(makers::of);
    maker
        .filter(accepting)
        .or_else(|| main_thread().filter(accepting))
}

/// Whom a signal that has hit `me` is meant for, if not for `me`: `shared`, the process has got it. What tells
/// of processor time is for whoever uses that.
fn addressee(
    me: &Thread,
    signal: i32,
    shared: bool,
    came_with: &libc::siginfo_t,
) -> Option<&'static Thread> {
    let has_made = |child| makers::has_made(me, child);
    if !shared
        || processor_time::is_told(signal, came_with)
        || info::child(signal, came_with).is_some_and(has_made)
    {
        return None;
    }
    first(signal, came_with).filter(|first| !first.is(me))
}

/// The main thread, if another process has sent it the signal that has hit `me`.
fn named(me: &Thread, came_with: &libc::siginfo_t) -> Option<&'static Thread> {
    main_thread()
        .filter(|main| !main.is(me))
        .filter(|_| info::is_for_main(came_with))
}

/// Whether the signal that has hit `me` was sent to the process: a timer's or a file's does not
/// say, but one that has hit a thread which has such of its own is taken for one of those.
fn is_shared(me: &Thread, signal: i32, came_with: &libc::siginfo_t) -> bool {
    let by_kernel =
        || came_with.si_code == libc::SI_TIMER || info::is_about_file(signal, came_with);
    let is_own = me.signalled.load(Ordering::Relaxed) && by_kernel();
    info::is_process_directed(signal, came_with) && !is_own
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
    if me.is_critical() && steps::suspend(me, signal, frame) {
        return false;
    }
    if is_abort(me, signal, &frame.info) {
        // SAFETY: as the caller promises.
        return unsafe { begin(me, signal, frame, start) };
    }
    if me.is_critical() && !is_fault(signal, &frame.info) {
        defer(me, signal, frame);
        return false;
    }
    info::undisguise(&mut frame.info);
    // Not critical: of what a nudge means its own thread has had its turn since, or it is `me`'s.
    if !is_nudge(me, signal, &frame.info) && !stays(me, signal, &frame.info) {
        // SAFETY: as the caller promises.
        return unsafe { begin(me, signal, frame, start) };
    }
    let Some(taken) = me.pending.take(bit(signal)) else {
        return false;
    };
    frame.info = taken.info;
    // SAFETY: as the caller promises.
    unsafe { begin(me, signal, frame, start) }
}

/// Puts a signal that has hit `me`, the caller, where it has to wait, if it has: with another thread, for
/// which it is meant, or behind others that wait for `me`.
fn stays(me: &'static Thread, signal: i32, came_with: &libc::siginfo_t) -> bool {
    if let Some(main) = named(me, came_with) {
        send::send(main, signal, came_with);
        return true;
    }
    let shared = is_shared(me, signal, came_with);
    if let Some(first) = addressee(me, signal, shared, came_with) {
        let refused = |taken| send::keep(me, signal, taken);
        if send::add_shared(first, signal, came_with, refused) {
            send::interrupt(first);
        }
        return true;
    }
    let queued = pending::queues(signal) && me.pending.bits_now() & bit(signal) != 0;
    if queued && me.kind() == Kind::Green {
        me.pending.add(signal, came_with, shared);
        return true;
    }
    false
}

/// Has the handler for `signal` run on `me`, the caller.
///
/// # Safety
/// As for [`decide`].
unsafe fn begin(me: &'static Thread, signal: i32, frame: &mut Frame, start: *mut Start) -> bool {
    let Some(action) = actions::take(signal) else {
        if !is_fault(signal, &frame.info) {
            // The action has changed since: the kernel acts on that, once this returns.
            info::send(To::KernelThread(task_state::own_id()), signal, &frame.info);
        }
        return false;
    };
    info::clean(&mut frame.info);
    name_guard(me, signal, &mut frame.info);
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

/// Where `me`, the caller, has run into the guard of its stack: natively that is protected memory,
/// and no hole (glibc has marked guards in the page tables since 2.42 only).
fn name_guard(me: &Thread, signal: i32, came_with: &mut libc::siginfo_t) {
    const NOTHING_THERE: i32 = 1;
    const NOT_ALLOWED: i32 = 2;
    if signal != libc::SIGSEGV || came_with.si_code != NOTHING_THERE {
        return;
    }
    // SAFETY: the field is there with this signal and code.
    let address = unsafe { came_with.si_addr() };
    if me.stack.has_in_guard(address.addr()) {
        came_with.si_code = NOT_ALLOWED;
    }
}

/// The thread whose kernel thread has got a signal to the process while `me`, the caller, was
/// inside the runtime: `None`, a base context.
fn taker(me: &'static Thread, signal: i32) -> Option<&'static Thread> {
    if me.kind() == Kind::Foreign {
        return Some(me);
    }
    let running = worker::of(me).running_thread()?;
    if running.is(me) {
        return (me.kind() == Kind::Green).then_some(me);
    }
    // Between the two: `me` leaves the CPU, and has the mask of one of them.
    let accepting = |thread: &&Thread| thread.kind() == Kind::Green && accepts(thread, signal);
    [me, running].into_iter().find(accepting)
}

/// Inside the runtime nothing can be done but to take note.
fn defer(me: &'static Thread, signal: i32, frame: &mut Frame) {
    if is_nudge(me, signal, &frame.info) {
        // `me` will look at the end of its critical section.
        return;
    }
    info::undisguise(&mut frame.info);
    if let Some(main) = named(me, &frame.info) {
        send::add(main, signal, &frame.info);
        deferred::add(main);
        if me.kind() == Kind::Base {
            eventfd::kick();
        } else {
            send::come_back_to_tell(me);
        }
        return;
    }
    if me.kind() != Kind::Base && !is_shared(me, signal, &frame.info) {
        send::add(me, signal, &frame.info);
        send::stay(me);
        return;
    }
    match taker(me, signal) {
        Some(taker) => defer_for(taker, me, signal, frame),
        None => hand_on(me, signal, frame),
    }
}

/// A signal to the process has hit the kernel thread of `taker`, which accepts it: that handles
/// it, unless [another](first) does. `me`, the caller, is `taker` or leaves the CPU for it.
fn defer_for(taker: &'static Thread, me: &'static Thread, signal: i32, frame: &mut Frame) {
    if let Some(first) = addressee(taker, signal, true, &frame.info) {
        let refused = |taken| send::keep(taker, signal, taken);
        if send::add_shared(first, signal, &frame.info, refused) {
            deferred::add(first);
            send::come_back_to_tell(me);
            return;
        }
    } else {
        taker.pending.add(signal, &frame.info, true);
        if pending::queues(signal) && taker.is_green() {
            // The next one stays in the kernel until this one is handled: it might turn out to be
            // for somebody else.
            taker.mask.withhold(bit(signal));
            close(me, signal, frame);
        }
    }
    if taker.is(me) {
        send::stay(me);
    }
}

/// Closes the kernel thread of `me`, the caller, to `signal` when it returns to `frame`.
fn close(me: &Thread, signal: i32, frame: &mut Frame) {
    frame.context.mask |= bit(signal);
    let mask = &worker::of(me).mask;
    mask.note(mask.get() | bit(signal));
}

/// `me`, the caller, a base context, has got a signal to the process.
fn hand_on(me: &Thread, signal: i32, frame: &mut Frame) {
    // The processor's time was spent for the sake of who has just left it, or comes next.
    let user = processor_time::is_told(signal, &frame.info)
        .then(|| worker::of(me).lately())
        .flatten()
        .filter(|user| user.kind() == Kind::Green && accepts(user, signal));
    let wanted = user.or_else(|| first(signal, &frame.info));
    match wanted.or_else(|| acceptor(signal)) {
        Some(target) if send::add_shared(target, signal, &frame.info, send::give_back) => {
            deferred::add(target);
        }
        // It has closed its mask or ended just now, and the signal is the kernel's again: which
        // must not give it to this kernel thread at once.
        Some(_) => close(me, signal, frame),
        None => {
            info::send(To::Process, signal, &frame.info);
            close(me, signal, frame);
        }
    }
    // It may be on its way to sleep in the hub.
    eventfd::kick();
}
