//! Waiting for blocked signals: sigwait(3), sigtimedwait(2).
//!
//! What was sent to the thread alone is in its own set; what was sent to the process waits in the
//! kernel. Whoever waits parks, and is told when there is something to look for, by who sends it to
//! the thread, or by [`shared`]. A thread that blocks its kernel thread waits in the kernel, and so does one
//! that waits for a signal that it does not block.

use core::mem;
use core::ptr;
use core::sync::atomic::Ordering;

use super::{Watch, acceptor, cancel, info, send, shared};
use crate::glibc::real::real;
use crate::glibc::signals::UNBLOCKABLE;
use crate::sched::kernel_state::{self, Change};
use crate::sched::{blocking, park};
use crate::sys::clock::{self, Instant, NEVER};
use crate::sys::errno;
use crate::sys::raw::syscall;
use crate::sys::sigmask::bit;
use crate::task::word::{Cancellation, Wake};
use crate::task::{Critical, Thread, main_thread};

type Real = unsafe extern "C-unwind" fn(
    *const libc::sigset_t,
    *mut libc::siginfo_t,
    *const libc::timespec,
) -> i32;

/// The first signal of those that `me`, the caller, has pending in `set`, with what came
/// with it.
fn take(me: &Thread, set: u64) -> Option<(i32, libc::siginfo_t)> {
    let _critical = Critical::enter();
    let taken = me.pending.take(set & !UNBLOCKABLE);
    send::taken_out(me);
    let taken = taken?;
    Some((taken.signal, as_reported(taken.info)))
}

/// As glibc's sigtimedwait: "by kill" may have been "by raise".
fn as_reported(mut info: libc::siginfo_t) -> libc::siginfo_t {
    info::undisguise(&mut info);
    if info.si_code == libc::SI_TKILL {
        info.si_code = libc::SI_USER;
    }
    info
}

/// Takes a blocked `signal` that the kernel has for the process or the calling kernel
/// thread, with what came with it.
pub fn poll(signal: i32) -> Option<libc::siginfo_t> {
    poll_any(bit(signal)).ok().map(|(_, came_with)| came_with)
}

/// [`poll`] for the first of `set`; an errno, `EAGAIN` if there is none.
fn poll_any(set: u64) -> Result<(i32, libc::siginfo_t), i32> {
    loop {
        match take_any(set) {
            Ok((_, info)) if info::is_nudge(&info) => {}
            result => return result,
        }
    }
}

/// [`poll`], which takes a nudge, too.
pub(super) fn take_one(signal: i32) -> Option<libc::siginfo_t> {
    take_any(bit(signal)).ok().map(|(_, came_with)| came_with)
}

/// The first of `set`, whatever it is, or an errno.
fn take_any(set: u64) -> Result<(i32, libc::siginfo_t), i32> {
    let now = clock::to_timespec(0);
    // SAFETY: all zeros is valid.
    let mut info: libc::siginfo_t = unsafe { mem::zeroed() };
    // SAFETY: live sets and places.
    let result = unsafe {
        syscall!(
            SYS_rt_sigtimedwait,
            &raw const set,
            &raw mut info,
            &raw const now,
            8
        )
    };
    match result as i32 {
        signal @ 1.. => Ok((signal, info)),
        error => Err(-error),
    }
}

/// From here on `me`, the caller, is told of signals of `wanted`: who sends one, or finds one that waits
/// for the process, looks for those who await it. Before it looks itself.
fn announce(me: &Thread, wanted: u64) {
    acceptor::begin_wait(me, wanted);
    shared::need();
    shared::accept(wanted);
}

/// The end of [`announce`]. What `me` was told of, and has not taken, may be for somebody else. The caller
/// is critical and holds no lock.
fn renounce(me: &Thread) {
    if acceptor::end_wait(me) {
        shared::look();
    }
}

/// [`until`] for a thread that parks and blocks all of `wanted`.
fn parked(
    me: &'static Thread,
    wanted: u64,
    deadline: Instant,
) -> Result<(i32, libc::siginfo_t), i32> {
    let watch = Watch::new(me);
    let mut over = None;
    loop {
        let critical = Critical::enter();
        me.arm(Cancellation::Point);
        announce(me, wanted);
        let found = take(me, wanted).map_or_else(
            || poll_any(wanted).map(|(signal, info)| (signal, as_reported(info))),
            Ok,
        );
        let is_late = deadline != NEVER && deadline <= clock::now();
        let waits = matches!(found, Err(libc::EAGAIN)) && over.is_none() && !is_late;
        let reason = if waits {
            park::commit(me, deadline)
        } else {
            park::take_back(me);
            Wake::Ready
        };
        renounce(me);
        drop(critical);
        if !waits {
            return found.map_err(|error| over.unwrap_or(error));
        }
        over = match reason {
            Wake::Timeout => Some(libc::EAGAIN),
            _ => {
                cancel::point();
                watch.handled().then_some(libc::EINTR)
            }
        };
    }
}

/// Whether the main thread, who is not `me`, accepts `signal`.
fn main_accepts(me: &Thread, signal: i32) -> bool {
    main_thread().is_some_and(|main| !main.is(me) && acceptor::accepts(main, signal))
}

/// Waits until `deadline` for a signal of `set`. Returns it and what came with it, or an errno:
/// `EAGAIN` at the deadline, `EINTR` after a handler of `me`'s, the caller. A cancellation point.
///
/// # Safety
/// `set` is a valid set.
pub unsafe fn until(
    me: &'static Thread,
    set: *const libc::sigset_t,
    deadline: Instant,
) -> Result<(i32, libc::siginfo_t), i32> {
    cancel::point();
    // SAFETY: a sigset_t begins with the kernel's 64 signals.
    let wanted = unsafe { set.cast::<u64>().read() } & !UNBLOCKABLE;
    if me.parks() && wanted & bit(libc::SIGCHLD) != 0 && main_accepts(me, libc::SIGCHLD) {
        // The kernel tells of a child's end whoever has made it, if that waits for it, and the main
        // thread otherwise. What it knows him by is his kernel thread.
        kernel_state::before(Change::Own);
    }
    if me.parks() && wanted & !me.mask.get() == 0 {
        return parked(me, wanted, deadline);
    }
    let real = real!(sigtimedwait: Real);
    let watch = Watch::new(me);
    loop {
        // Announced first: who sends one of them marks it pending, then looks here.
        me.awaits.store(wanted, Ordering::SeqCst);
        if let Some(found) = take(me, wanted) {
            me.awaits.store(0, Ordering::Relaxed);
            return Ok(found);
        }
        // SAFETY: all zeros is valid.
        let mut came_with: libc::siginfo_t = unsafe { mem::zeroed() };
        let limit = clock::until(deadline).map(|left| clock::to_timespec(left.as_nanos() as u64));
        let limit = limit.as_ref().map_or(ptr::null(), ptr::from_ref);
        // SAFETY: as the caller promises; the rest is live.
        let signal = blocking::region(|| unsafe { real(set, &mut came_with, limit) });
        me.awaits.store(0, Ordering::SeqCst);
        if signal > 0 && !info::is_nudge(&came_with) {
            return Ok((signal, as_reported(came_with)));
        }
        if signal < 0 {
            let error = errno::get();
            let found = take(me, wanted);
            if found.is_none() && error == libc::EINTR && !watch.ends_call() {
                continue;
            }
            return found.ok_or(error);
        }
    }
}
