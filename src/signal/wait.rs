//! Waiting for blocked signals: sigwait(3), sigtimedwait(2).
//!
//! What was sent to the process waits in the kernel, and so does the thread, in a
//! blocking region; what was sent to the thread alone is in its own set.

use core::mem;
use core::ptr;
use core::sync::atomic::Ordering;

use super::{Watch, cancel, info, send};
use crate::glibc::real::real;
use crate::glibc::signals::UNBLOCKABLE;
use crate::sched::blocking;
use crate::sys::clock::{self, Instant};
use crate::sys::errno;
use crate::sys::raw::syscall;
use crate::sys::sigmask::bit;
use crate::task::{Critical, Thread, pending};

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
    let (set, now) = (bit(signal), clock::to_timespec(0));
    let mut info = pending::lost(signal);
    loop {
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
            found if found == signal && info::is_nudge(&info) => {}
            found if found == signal => return Some(info),
            _ => return None,
        }
    }
}

/// Waits until `deadline` for a signal of `set`, which `me`, the caller, blocks.
/// Returns it and what came with it, or an errno: `EAGAIN` at the deadline, `EINTR`
/// after a handler. A cancellation point.
///
/// # Safety
/// `set` is a valid set.
pub unsafe fn until(
    me: &'static Thread,
    set: *const libc::sigset_t,
    deadline: Instant,
) -> Result<(i32, libc::siginfo_t), i32> {
    cancel::point();
    let real = real!(sigtimedwait: Real);
    // SAFETY: a sigset_t begins with the kernel's 64 signals.
    let wanted = unsafe { set.cast::<u64>().read() };
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
