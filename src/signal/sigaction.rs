//! `sigaction(2)`: the program's handlers behind the trampoline.

use core::mem::MaybeUninit;
use core::ptr;

use super::actions::{self, Action, are_known, get, real_sigaction, record, set_mask};
use super::{shared, trampoline};
use crate::glibc::signals::{SIGCANCEL, SIGSETXID, UNBLOCKABLE};
use crate::sched::mask::base_mask;
use crate::sched::{self, idle};
use crate::sys::sigmask::{self, HIGHEST, bit};
use crate::task::{Critical, current, pending};

/// `SA_RESTORER` (asm/signal.h), which glibc sets in every action.
const RESTORER: i32 = 0x0400_0000;

/// A handler for `signal` was installed: true if that changes in what order it has to arrive, and so what base
/// contexts are closed to. Signals that queue have to arrive one after the other.
fn keep_in_order(signal: i32) -> bool {
    let queue = !0 << (pending::REAL_TIME - 1) & !UNBLOCKABLE;
    pending::queues(signal) && sched::mask::keep_in_order(queue)
}

/// `action` as the kernel is to know it.
fn disguise(action: &libc::sigaction) -> libc::sigaction {
    let mut disguised = *action;
    if !matches!(action.sa_sigaction, libc::SIG_DFL | libc::SIG_IGN) {
        disguised.sa_sigaction = trampoline::address();
        disguised.sa_flags |= libc::SA_SIGINFO;
        // The action is reset when the handler really runs.
        disguised.sa_flags &= !libc::SA_RESETHAND;
        // Until it is known who runs the handler, and on what stack.
        set_mask(&mut disguised, !0);
    }
    disguised
}

/// Puts the trampoline in front of the handlers that the program has installed
/// so far, unless that has been done. Called by the first `pthread_create`, whatever comes of that,
/// and before a wait inside the runtime.
pub fn install() {
    if !actions::are_behind() {
        install_all();
    }
}

#[cold]
fn install_all() {
    let _critical = Critical::enter();
    // Handlers are the kernel's still: one that waited here would wait for what it interrupts.
    let mask = sigmask::replace(!0);
    // Who waits has interrupted what it was in.
    current().suspended_mask.set(None);
    let any = actions::hold(|| {
        let mut any = false;
        if !actions::are_behind() {
            actions::set_known();
            for signal in 1..=HIGHEST {
                any |= install_one(signal);
            }
            actions::set_behind();
        }
        any
    });
    sigmask::set(mask);
    if any {
        shared::need();
    }
}

/// [`install`] for one signal. Whether it has a handler.
fn install_one(signal: i32) -> bool {
    if matches!(signal, SIGCANCEL | SIGSETXID) {
        return false;
    }
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: both structures are valid; libc refuses what is not a signal.
    unsafe {
        if real_sigaction()(signal, ptr::null(), action.as_mut_ptr()) != 0 {
            return false;
        }
        let action = action.assume_init();
        if action.sa_sigaction == trampoline::address() {
            // In a child that another thread has forked in the midst of this.
            keep_in_order(signal);
            return true;
        }
        record(signal, &action);
        note_ignored(signal, &action);
        let has_handler = get(signal).is_some();
        if has_handler {
            real_sigaction()(signal, &disguise(&action), ptr::null_mut());
            keep_in_order(signal);
        }
        has_handler
    }
}

/// Whether a signal with that action does nothing.
fn ignores(signal: i32, action: &libc::sigaction) -> bool {
    match action.sa_sigaction {
        libc::SIG_IGN => true,
        libc::SIG_DFL => matches!(
            signal,
            libc::SIGCHLD | libc::SIGCONT | libc::SIGURG | libc::SIGWINCH
        ),
        _ => false,
    }
}

/// `action` is that of `signal`, of the standard ones: those that queue would have to stay in order.
fn note_ignored(signal: i32, action: &libc::sigaction) {
    if !pending::queues(signal) && ignores(signal, action) {
        idle::ignore(bit(signal));
    }
}

/// Whether the action for `signal` is kept here, and the kernel has the trampoline at
/// most.
pub fn are_ours(signal: i32) -> bool {
    are_known() && is_the_programs(signal)
}

/// Whether the program may have an action for `signal`.
fn is_the_programs(signal: i32) -> bool {
    (1..=HIGHEST).contains(&signal) && !matches!(signal, SIGCANCEL | SIGSETXID)
}

/// `sigaction(2)`.
///
/// # Safety
/// As for `sigaction`.
pub unsafe fn set(signal: i32, new: *const libc::sigaction, old: *mut libc::sigaction) -> i32 {
    if !are_ours(signal) {
        // SAFETY: as the caller promises.
        return unsafe { set_the_kernels(signal, new, old) };
    }
    if current().is_lent() {
        // SAFETY: as the caller promises.
        return unsafe { set_own(signal, new, old) };
    }
    let _critical = Critical::enter();
    // SAFETY: as the caller promises. `new` may be `old`: it is read first.
    let (result, has_handler, closes) = actions::hold(|| unsafe {
        let before = get(signal);
        let wanted = new.as_ref().copied();
        if wanted.is_some_and(|wanted| !ignores(signal, &wanted)) {
            idle::heed(bit(signal));
        }
        let result = match &wanted {
            None => real_sigaction()(signal, ptr::null(), old),
            Some(wanted) => real_sigaction()(signal, &disguise(wanted), old),
        };
        if result != 0 {
            return (result, false, false);
        }
        if let (Some(old), Some(before)) = (old.as_mut(), before) {
            show(before, old);
        }
        let Some(wanted) = &wanted else {
            return (result, false, false);
        };
        let is_new = record(signal, wanted);
        note_ignored(signal, wanted);
        if ignores(signal, wanted) {
            pending::discard(signal);
        }
        let has_handler = get(signal).is_some();
        let reorder = has_handler && keep_in_order(signal);
        (result, has_handler, is_new || reorder)
    });
    if has_handler {
        shared::need();
    }
    if closes {
        idle::renew_mask(base_mask());
    }
    result
}

/// [`set`] where actions are the kernel's, unless they cease to be meanwhile: whoever
/// [puts the trampoline in front](install) of them says so before it looks.
///
/// # Safety
/// As for `sigaction`.
unsafe fn set_the_kernels(
    signal: i32,
    new: *const libc::sigaction,
    old: *mut libc::sigaction,
) -> i32 {
    // SAFETY: as the caller promises. `new` may be `old`.
    unsafe {
        let wanted = is_the_programs(signal)
            .then(|| new.as_ref().copied())
            .flatten();
        let result = real_sigaction()(signal, new, old);
        if result != 0 || !are_ours(signal) {
            return result;
        }
        let old = old.as_mut();
        // What was the action then the kernel may not know any more.
        let old = old.filter(|old| old.sa_sigaction == trampoline::address());
        match (wanted, old) {
            (Some(wanted), old) => set(signal, &wanted, old.map_or(ptr::null_mut(), ptr::from_mut)),
            (None, Some(old)) => set(signal, ptr::null(), old),
            (None, None) => result,
        }
    }
}

/// [`set`] in a child that borrows its thread, and shares the table but not the actions.
/// The handlers that it installs are its own affair; those that it has got from its
/// parent are behind the trampoline.
///
/// # Safety
/// As for `sigaction`.
unsafe fn set_own(signal: i32, new: *const libc::sigaction, old: *mut libc::sigaction) -> i32 {
    // SAFETY: as the caller promises.
    unsafe {
        let result = real_sigaction()(signal, new, old);
        if let (0, Some(old), Some(inherited)) = (result, old.as_mut(), get(signal))
            && old.sa_sigaction == trampoline::address()
        {
            show(inherited, old);
        }
        result
    }
}

/// What the program sees of `action`, of which the kernel has said `old`.
fn show(action: Action, old: &mut libc::sigaction) {
    old.sa_sigaction = action.handler;
    // glibc shows its own flag, too.
    old.sa_flags = action.flags | old.sa_flags & RESTORER;
    set_mask(old, action.mask);
}
