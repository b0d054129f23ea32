//! From the kernel's delivery to the handler's run on the right thread.

use core::ffi::c_void;
use core::mem;
use core::ptr;
use core::sync::atomic::Ordering;

use super::actions::{self, Action};
use super::{bit, info, mask, send};
use crate::hub::epoll;
use crate::sys::errno;
use crate::thread::join::Life;
use crate::thread::{Kind, Thread, current, husk, main_thread};

fn accepts(thread: &Thread, signal: i32) -> bool {
    thread.mask.load(Ordering::Relaxed) & bit(signal) == 0
}

/// Whom a signal for the process is meant for, if not for whoever it has hit.
fn addressee(signal: i32, came_with: &libc::siginfo_t) -> Option<&'static Thread> {
    if !info::is_process_directed(signal, came_with) {
        return None;
    }
    main_thread::get().filter(|main| accepts(main, signal))
}

/// A thread that an idle worker can give `signal` to.
fn anybody(signal: i32) -> Option<&'static Thread> {
    let lives =
        |thread: &&Thread| thread.life.load(Ordering::Relaxed) & (Life::EXITED | Life::FREE) == 0;
    husk::all()
        .filter(|thread| thread.kind() == Kind::Green)
        .filter(lives)
        .find(|thread| accepts(thread, signal))
}

/// What the kernel calls for every handler of the program.
///
/// # Safety
/// For the kernel to call.
pub unsafe extern "C-unwind" fn trampoline(
    signal: i32,
    came_with: *mut libc::siginfo_t,
    context: *mut c_void,
) {
    let me = current();
    let saved = errno::get();
    // SAFETY: the kernel passes both.
    let (came_with, context) =
        unsafe { (&mut *came_with, &mut *context.cast::<libc::ucontext_t>()) };
    let fault = actions::is_synchronous(signal) && came_with.si_code > 0;
    if me.is_critical() && !fault {
        defer(me, signal, came_with);
    } else if info::is_nudge(came_with) {
        // Not critical, so its own thread has run since, or the target is `me`.
        if me.take_pending(signal) {
            *came_with = info::kept(signal);
            run(me, signal, came_with, context);
        }
    } else {
        match addressee(signal, came_with).filter(|thread| !thread.is(me)) {
            Some(thread) => send::send(thread, signal, came_with),
            None => run(me, signal, came_with, context),
        }
    }
    errno::set(saved);
}

/// Inside the runtime nothing can be done but to take note.
fn defer(me: &'static Thread, signal: i32, came_with: &libc::siginfo_t) {
    if info::is_nudge(came_with) {
        // `me` will look at the end of its critical section.
        return;
    }
    info::keep(signal, came_with);
    let idle = me.kind() == Kind::Base;
    let mut target = addressee(signal, came_with);
    if idle {
        // Where nobody accepts it the main thread has closed its mask just now, and
        // puts it back.
        target = target.or_else(|| anybody(signal)).or_else(main_thread::get);
    }
    let target = target.unwrap_or(me);
    target.pending.fetch_or(bit(signal), Ordering::SeqCst);
    if !target.is(me) {
        send::defer(target);
        if idle {
            // It may be on its way to sleep in the hub.
            epoll::kick();
        }
    }
}

/// Runs the program's handler on `me`, the caller.
fn run(
    me: &'static Thread,
    signal: i32,
    came_with: &mut libc::siginfo_t,
    context: &mut libc::ucontext_t,
) {
    let Some(action) = actions::get(signal) else {
        return;
    };
    if action.flags & libc::SA_RESETHAND != 0 {
        actions::reset(signal);
    }
    me.handled.set(me.handled.get().wrapping_add(1));
    if action.flags & libc::SA_RESTART == 0 {
        me.not_restarting
            .set(me.not_restarting.get().wrapping_add(1));
    }
    let green = me.kind() == Kind::Green;
    if green {
        mask::note(me, action.mask_during(signal, outer_mask(context)));
    }
    call(&action, signal, came_with, context);
    if green {
        // On return the kernel restores what the handler has left there.
        mask::note(me, outer_mask(context));
        // What has come meanwhile, and waited for just that, follows.
        if me.deliverable() != 0 {
            send::catch_up(me);
        }
    }
}

fn outer_mask(context: &libc::ucontext_t) -> u64 {
    // SAFETY: a sigset_t begins with the kernel's 64 signals.
    unsafe { ptr::from_ref(&context.uc_sigmask).cast::<u64>().read() }
}

fn call(
    action: &Action,
    signal: i32,
    came_with: &mut libc::siginfo_t,
    context: &mut libc::ucontext_t,
) {
    // SAFETY: the program has installed a function of one or the other type.
    unsafe {
        if action.flags & libc::SA_SIGINFO != 0 {
            let handler: unsafe extern "C-unwind" fn(i32, *mut libc::siginfo_t, *mut c_void) =
                mem::transmute(action.handler);
            handler(signal, came_with, ptr::from_mut(context).cast());
        } else {
            let handler: unsafe extern "C-unwind" fn(i32) = mem::transmute(action.handler);
            handler(signal);
        }
    }
}
