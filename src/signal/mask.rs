//! Signal masks of green threads.

use core::sync::atomic::Ordering;

use super::{Watch, actions, catch_up, lent, send, shared};
use crate::glibc::signals::UNBLOCKABLE;
use crate::glibc::threads;
use crate::sched::mask::{Closing, KernelMask};
use crate::sched::{self, idle, worker};
use crate::sys::sigmask::{self, bit};
use crate::task::pending::REAL_TIME;
use crate::task::{Critical, Thread, arguments, current};

/// `sigprocmask(2)` for the calling green thread: the mask from before, or
/// `EINVAL`. What becomes unblocked and is pending has been handled on return.
pub fn change(me: &'static Thread, how: i32, set: Option<u64>) -> Result<u64, i32> {
    let before = me.mask.get();
    let Some(set) = set else { return Ok(before) };
    let after = match how {
        libc::SIG_BLOCK => before | set,
        libc::SIG_UNBLOCK => before & !set,
        libc::SIG_SETMASK => set,
        _ => return Err(libc::EINVAL),
    };
    install(me, after & !UNBLOCKABLE);
    Ok(before)
}

/// Makes `mask` that of the calling green thread, in the kernel, too.
pub fn install(me: &'static Thread, mask: u64) {
    replace(me, mask, set, |_| ());
}

/// Runs `act` with `me`, the caller, closed to `signals`: those that come for the process stay with the
/// kernel, unless another thread accepts them, and have been handled on return.
pub fn closed_to<R>(me: &'static Thread, signals: u64, act: impl FnOnce() -> R) -> R {
    let before = me.mask.get();
    install(me, before | signals);
    let result = act();
    install(me, before);
    result
}

/// [`install`] for a caller who is about to tell the kernel. What becomes unblocked and
/// is pending is handled then.
pub fn announce(me: &'static Thread, mask: u64) {
    replace(me, mask & !UNBLOCKABLE, KernelMask::note, |_| ());
}

/// `me`, the caller, is at its end: what queues stays in the kernel from here on, and in order.
/// The mask from before.
pub fn end(me: &'static Thread) -> u64 {
    let before = me.mask.get();
    let queue = sched::mask::kept_in_order();
    if queue & !before != 0 {
        install(me, before | queue);
    }
    before
}

/// Makes `mask` that of the calling green thread; `tell` is for its kernel thread's. `then` gets
/// the mask from before, and runs when the change is made and nothing that comes of it has been
/// handled; so the watch begins.
///
/// What has come for the process before the mask is closed to it is handled before that, as it
/// would be natively: to give it back to the kernel would put it behind what has come since. What
/// waits in the kernel when the mask is opened is the caller's before anybody else can take it for
/// him: it is handled on return.
fn replace(
    me: &'static Thread,
    mask: u64,
    tell: fn(&KernelMask, u64),
    then: impl FnOnce(u64),
) -> Watch {
    loop {
        let _critical = Critical::enter();
        let before = me.mask.get();
        let settled = me.settled_mask.load(Ordering::Relaxed);
        let closing = close(me, settled, mask);
        note(me, mask, settled | mask);
        tell(&worker::of(me).mask, me.mask.of_kernel());
        let late = me.pending.shared() & mask & !before;
        if late == 0 || !me.is_critical_once() {
            if settled & !mask != 0 {
                note(me, mask, mask);
            }
            drop(closing);
            then(before);
            changed(me, settled, mask);
            return Watch::new(me);
        }
        note(me, before, settled);
        tell(&worker::of(me).mask, me.mask.of_kernel());
    }
}

fn set(kernel: &KernelMask, mask: u64) {
    kernel.sync(mask);
}

/// `me`, the caller, is about to block what `mask` does: closes those who take signals for it.
fn close(me: &Thread, settled: u64, mask: u64) -> Option<Closing> {
    let closes = mask & !settled != 0 && me.is_main();
    closes.then(|| idle::close_to(settled, mask))
}

/// Notes that `me`, the caller, blocks `mask`, and others `settled` for it.
fn note(me: &Thread, mask: u64, settled: u64) {
    me.mask.set(mask);
    // SeqCst: whoever adds a signal, or opens a base context to it, looks afterwards.
    me.settled_mask.swap(settled, Ordering::SeqCst);
    shared::accept(!settled);
    if settled != 0 {
        shared::need();
    }
}

/// The settled mask of `me`, the caller, was `before` and is `mask` now.
fn changed(me: &'static Thread, before: u64, mask: u64) {
    if before & !mask != 0 && me.is_main() {
        idle::renew_mask(mask);
    }
    // What has come for the process, and while a handler runs, was meant for a thread that
    // accepts it.
    let stray = me.pending.shared() & mask;
    if stray != 0 {
        put_back(me, stray);
    }
}

/// Gives those of `signals` back to the kernel that wait for `me`, the caller, who does not accept
/// them any more. Nobody else's come before those that queue.
fn put_back(me: &Thread, signals: u64) {
    let queue = !(bit(REAL_TIME) - 1);
    lent::give_back(me, signals, signals & queue);
    send::taken_out(me);
}

/// Whether the kernel blocks something else for `me`, the caller, which is green, than what is noted:
/// libc has all signals blocked for a moment (glibc, `internal_signal_block_all`). Its thread must
/// not park meanwhile: whoever ran on the kernel thread then would have them blocked, too.
pub fn is_libcs(me: &Thread) -> bool {
    (sigmask::get() ^ worker::of(me).mask.get()) & !UNBLOCKABLE != 0
}

/// The mask at `set`, if that is not null; `EFAULT` if it cannot be read.
pub fn read(set: *const libc::sigset_t) -> Result<Option<u64>, i32> {
    // A sigset_t begins with the kernel's 64 signals.
    let set = set.cast::<u64>();
    if set.is_null() {
        Ok(None)
    } else if arguments::is_readable(set) {
        // SAFETY: readable.
        Ok(Some(unsafe { set.read_unaligned() }))
    } else {
        Err(libc::EFAULT)
    }
}

/// Runs `act` under `mask`, if there is one, as `ppoll`, `sigsuspend` and their kin do:
/// `-EINTR` if the change of mask alone lets a handler run.
///
/// A handler that runs meanwhile returns to the mask from before, as the kernel has it
/// (set_restore_sigmask).
pub fn during(me: &'static Thread, mask: Option<u64>, act: impl FnOnce(&Watch) -> isize) -> isize {
    let Some(mask) = mask else {
        return act(&Watch::new(me));
    };
    let watch = replace(me, mask & !UNBLOCKABLE, set, |before| {
        me.suspended_mask.set(Some(before));
    });
    let result = if watch.handled() {
        -(libc::EINTR as isize)
    } else {
        act(&watch)
    };
    if let Some(before) = me.suspended_mask.take() {
        install(me, before);
    }
    result
}

/// [`during`] for whom the kernel waits: it changes the mask to the one at `set` itself, at
/// the moment when `call` begins to wait. Here the thread's block follows: handlers run under
/// that mask, and find the one from before in their frames.
pub fn natively<R>(set: *const libc::sigset_t, call: impl FnOnce() -> R) -> R {
    let me = current();
    // Beside threads of libc's one of which may put handlers behind the trampoline meanwhile.
    let are_known = actions::are_known() || !threads::is_single();
    if !are_known || me.is_lent() || me.is_critical() {
        return call();
    }
    let Ok(Some(mask)) = read(set) else {
        return call();
    };
    if !me.is_green() {
        me.mask.set(mask & !UNBLOCKABLE);
        me.suspended_mask.set(Some(mask));
        let result = call();
        me.suspended_mask.set(None);
        return result;
    }
    let before = me.mask.replace(mask & !UNBLOCKABLE);
    me.suspended_mask.set(Some(before));
    // Its nudge waits in the kernel until that opens the mask.
    if me.deliverable() != 0 {
        catch_up::catch_up(me);
    }
    let result = call();
    if let Some(before) = me.suspended_mask.take() {
        me.mask.set(before);
    }
    result
}

/// `me`, the caller, is about to jump out of whatever it is in, also out of handlers, to
/// where its mask was `mask`. What becomes unblocked and is pending has been handled on
/// return.
pub fn jump(me: &'static Thread, mask: u64) {
    me.suspended_mask.set(None);
    me.awaits.store(0, Ordering::Relaxed);
    me.expects.store(0, Ordering::Relaxed);
    // A handler of a fault in the runtime's own code (the stack was exhausted) leaves that.
    me.set_critical(0);
    install(me, mask & !UNBLOCKABLE);
}

/// A handler of `me`, the caller, begins under `mask`.
pub(super) fn enter_handler(me: &Thread, mask: u64) {
    me.mask.set(mask);
    worker::of(me).mask.note(mask);
}

/// A handler of `me`, the caller, returns to `mask`, which the kernel is about to set.
pub(super) fn leave_handler(me: &'static Thread, mask: u64) {
    worker::of(me).mask.note(mask);
    let settled = me.settled_mask.load(Ordering::Relaxed);
    if settled == mask {
        note(me, mask, mask);
        return;
    }
    let _critical = Critical::enter();
    let closing = close(me, settled, mask);
    note(me, mask, mask);
    drop(closing);
    changed(me, settled, mask);
}
