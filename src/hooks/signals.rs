//! Signals: actions, masks, sending.

use core::ffi::c_int;
use core::mem::{self, MaybeUninit};
use core::ptr;
use core::sync::atomic::Ordering;

use libc::{pid_t, pthread_t, sighandler_t, sigset_t, sigval, stack_t};

use crate::signal::{self, HIGHEST, SIGCANCEL, SIGSETXID, actions, info, mask, send};
use crate::sys::errno;
use crate::sys::raw::syscall;
use crate::sys::real::real;
use crate::thread::join::Life;
use crate::thread::{Kind, Thread, green_or_wired, husk, main_thread, of_pthread};

/// `signal(2)` with the given flags.
///
/// # Safety
/// `handler` is a handler, `SIG_DFL` or `SIG_IGN`.
unsafe fn install(
    signal: c_int,
    handler: sighandler_t,
    flags: c_int,
    itself: bool,
) -> sighandler_t {
    if handler == libc::SIG_ERR {
        errno::set(libc::EINVAL);
        return libc::SIG_ERR;
    }
    // SAFETY: all zeros is valid; sigaddset refuses what is not a signal.
    unsafe {
        let mut new: libc::sigaction = mem::zeroed();
        let mut old: libc::sigaction = mem::zeroed();
        new.sa_sigaction = handler;
        new.sa_flags = flags;
        if itself && libc::sigaddset(&mut new.sa_mask, signal) != 0 {
            return libc::SIG_ERR;
        }
        if actions::set(signal, &new, &mut old) == 0 {
            old.sa_sigaction
        } else {
            libc::SIG_ERR
        }
    }
}

/// # Safety
/// `set` is null or valid.
unsafe fn change_mask(
    me: &'static Thread,
    how: c_int,
    set: *const sigset_t,
    old: *mut sigset_t,
) -> c_int {
    // SAFETY: as the caller promises; a sigset_t begins with the kernel's 64
    // signals, and glibc, too, fills no more of the old one.
    let wanted = unsafe { set.cast::<u64>().as_ref() }.copied();
    match mask::change(me, how, wanted) {
        Ok(before) => {
            if !old.is_null() {
                // SAFETY: as the caller promises.
                unsafe { old.cast::<u64>().write(before) };
            }
            0
        }
        Err(error) => error,
    }
}

/// A `siginfo_t` as of `tgkill`.
fn sent_to_thread(signal: c_int) -> libc::siginfo_t {
    info::from_here(signal, libc::SI_TKILL, 0)
}

/// A `siginfo_t` as of `pthread_sigqueue`.
fn queued_to_thread(signal: c_int, value: sigval) -> libc::siginfo_t {
    info::from_here(signal, libc::SI_QUEUE, value.sival_ptr.addr())
}

/// `pthread_kill(3)` to a green thread, or `pthread_sigqueue(3)` with what
/// `came_with` gives.
fn kill(
    thread: &'static Thread,
    signal: c_int,
    came_with: impl FnOnce() -> libc::siginfo_t,
) -> c_int {
    let life = thread.life.load(Ordering::Acquire);
    if life & Life::FREE != 0 {
        return libc::ESRCH;
    }
    if !(0..=HIGHEST).contains(&signal) || matches!(signal, SIGCANCEL | SIGSETXID) {
        return libc::EINVAL;
    }
    if signal == 0 || life & Life::EXITED != 0 {
        return 0;
    }
    let blocked = thread.mask.load(Ordering::Relaxed) & signal::bit(signal) != 0;
    if actions::get(signal).is_none() && !blocked {
        if !actions::is_ignored(signal) {
            // The default action is the whole process's affair.
            // SAFETY: plain arguments.
            unsafe { syscall!(SYS_kill, syscall!(SYS_getpid), signal) };
        }
        return 0;
    }
    send::send(thread, signal, &came_with());
    0
}

/// `tgkill(2)` to a thread that the kernel does not know, or knows by another id:
/// the call's result, or `None` if it is not for a green thread of this process.
pub(super) fn kill_by_id(id: pid_t, signal: c_int) -> Option<isize> {
    let thread = main_thread::get()
        .into_iter()
        .chain(husk::all())
        .find(|thread| {
            thread.kind() == Kind::Green
                && thread.tid.get() == id
                && thread.life.load(Ordering::Acquire) & (Life::FREE | Life::EXITED) == 0
        })?;
    Some(-(kill(thread, signal, || sent_to_thread(signal)) as isize))
}

export! {
    /// `tgkill(2)`.
    unchecked fn tgkill(process: pid_t, id: pid_t, signal: c_int) -> c_int {
        // SAFETY: plain arguments.
        let native = || unsafe { syscall!(SYS_tgkill, process, id, signal) };
        // SAFETY: no arguments.
        let own = process == unsafe { syscall!(SYS_getpid) } as pid_t;
        let result = if own { kill_by_id(id, signal) } else { None };
        errno::to_libc(result.unwrap_or_else(native)) as c_int
    }

    /// `sigaction(2)`.
    fn sigaction(signal: c_int, new: *const libc::sigaction, old: *mut libc::sigaction) -> c_int {
        // SAFETY: as the caller promises.
        unsafe { actions::set(signal, new, old) }
    }

    /// Alias of `sigaction`.
    unchecked fn __sigaction(signal: c_int, new: *const libc::sigaction, old: *mut libc::sigaction) -> c_int {
        // SAFETY: as the caller promises.
        unsafe { actions::set(signal, new, old) }
    }

    /// `signal(2)`, with BSD's semantics as glibc's.
    fn signal(signal: c_int, handler: sighandler_t) -> sighandler_t {
        // SAFETY: as the caller promises.
        unsafe { install(signal, handler, libc::SA_RESTART, true) }
    }

    /// Alias of `signal`.
    unchecked fn bsd_signal(signal: c_int, handler: sighandler_t) -> sighandler_t {
        // SAFETY: as the caller promises.
        unsafe { install(signal, handler, libc::SA_RESTART, true) }
    }

    /// Alias of `signal`.
    unchecked fn ssignal(signal: c_int, handler: sighandler_t) -> sighandler_t {
        // SAFETY: as the caller promises.
        unsafe { install(signal, handler, libc::SA_RESTART, true) }
    }

    /// System V's `signal`: one shot, not deferred, not restarting.
    unchecked fn sysv_signal(signal: c_int, handler: sighandler_t) -> sighandler_t {
        // SAFETY: as the caller promises.
        unsafe { install(signal, handler, libc::SA_RESETHAND | libc::SA_NODEFER, false) }
    }

    /// Alias of `sysv_signal`: what `signal` is with `_XOPEN_SOURCE` alone.
    unchecked fn __sysv_signal(signal: c_int, handler: sighandler_t) -> sighandler_t {
        // SAFETY: as the caller promises.
        unsafe { install(signal, handler, libc::SA_RESETHAND | libc::SA_NODEFER, false) }
    }

    /// `siginterrupt(3)`.
    unchecked fn siginterrupt(signal: c_int, interrupt: c_int) -> c_int {
        let mut action = MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: initialised by the first call, on success.
        unsafe {
            if actions::set(signal, ptr::null(), action.as_mut_ptr()) != 0 {
                return -1;
            }
            let mut action = action.assume_init();
            if interrupt != 0 {
                action.sa_flags &= !libc::SA_RESTART;
            } else {
                action.sa_flags |= libc::SA_RESTART;
            }
            actions::set(signal, &action, ptr::null_mut())
        }
    }

    /// `pthread_sigmask(3)`.
    fn pthread_sigmask(how: c_int, set: *const sigset_t, old: *mut sigset_t) -> c_int {
        match green_or_wired() {
            // SAFETY: as the caller promises.
            Some(me) => unsafe { change_mask(me, how, set, old) },
            None => {
                let real = real!(pthread_sigmask: unsafe extern "C" fn(c_int, *const sigset_t, *mut sigset_t) -> c_int);
                // SAFETY: as the caller promises.
                unsafe { real(how, set, old) }
            }
        }
    }

    /// `sigprocmask(2)`.
    fn sigprocmask(how: c_int, set: *const sigset_t, old: *mut sigset_t) -> c_int {
        match green_or_wired() {
            // SAFETY: as the caller promises.
            Some(me) => match unsafe { change_mask(me, how, set, old) } {
                0 => 0,
                error => {
                    errno::set(error);
                    -1
                }
            },
            None => {
                let real = real!(sigprocmask: unsafe extern "C" fn(c_int, *const sigset_t, *mut sigset_t) -> c_int);
                // SAFETY: as the caller promises.
                unsafe { real(how, set, old) }
            }
        }
    }

    /// `sigpending(2)`.
    fn sigpending(set: *mut sigset_t) -> c_int {
        // SAFETY: as the caller promises.
        let result = errno::to_libc(unsafe { syscall!(SYS_rt_sigpending, set, 8) }) as c_int;
        if let (0, Some(me)) = (result, green_or_wired()) {
            let blocked = me.pending.load(Ordering::Relaxed) & me.mask.load(Ordering::Relaxed);
            // SAFETY: written by the successful call.
            unsafe { *set.cast::<u64>() |= blocked };
        }
        result
    }

    /// `pthread_kill(3)`.
    fn pthread_kill(id: pthread_t, signal: c_int) -> c_int {
        // SAFETY: as the caller promises: a thread that may still be joined.
        let thread = unsafe { of_pthread(id) };
        if thread.kind() == Kind::Green {
            return kill(thread, signal, || sent_to_thread(signal));
        }
        let real = real!(pthread_kill: unsafe extern "C" fn(pthread_t, c_int) -> c_int);
        // SAFETY: as the caller promises.
        unsafe { real(id, signal) }
    }

    /// `pthread_sigqueue(3)`.
    unchecked fn pthread_sigqueue(id: pthread_t, signal: c_int, value: sigval) -> c_int {
        // SAFETY: as the caller promises: a thread that may still be joined.
        let thread = unsafe { of_pthread(id) };
        if thread.kind() == Kind::Green {
            return kill(thread, signal, || queued_to_thread(signal, value));
        }
        let real = real!(pthread_sigqueue: unsafe extern "C" fn(pthread_t, c_int, sigval) -> c_int);
        // SAFETY: as the caller promises.
        unsafe { real(id, signal, value) }
    }

    /// `raise(3)`.
    fn raise(signal: c_int) -> c_int {
        let Some(me) = green_or_wired() else {
            let real = real!(raise: unsafe extern "C-unwind" fn(c_int) -> c_int);
            // SAFETY: no preconditions.
            return unsafe { real(signal) };
        };
        errno::to_libc(-(kill(me, signal, || sent_to_thread(signal)) as isize)) as c_int
    }

    /// `sigaltstack(2)`: recorded per thread. Handlers run on the thread's own
    /// stack; those of faults, which may be its overflow, on the worker's
    /// alternate stack.
    fn sigaltstack(new: *const stack_t, old: *mut stack_t) -> c_int {
        let Some(me) = green_or_wired() else {
            let real = real!(sigaltstack: unsafe extern "C" fn(*const stack_t, *mut stack_t) -> c_int);
            // SAFETY: as the caller promises.
            return unsafe { real(new, old) };
        };
        // SAFETY: as the caller promises.
        let wanted = unsafe { new.as_ref() }.copied();
        let before = me.alternate_stack.get();
        if let Some(wanted) = wanted {
            if wanted.ss_flags & !(libc::SS_DISABLE | libc::SS_ONSTACK | SS_AUTODISARM) != 0 {
                errno::set(libc::EINVAL);
                return -1;
            }
            if wanted.ss_flags & libc::SS_DISABLE == 0 && wanted.ss_size < libc::MINSIGSTKSZ {
                errno::set(libc::ENOMEM);
                return -1;
            }
            me.alternate_stack.set((wanted.ss_sp, wanted.ss_size, wanted.ss_flags & libc::SS_DISABLE == 0));
        }
        if !old.is_null() {
            let (base, size, enabled) = before;
            let flags = if enabled { 0 } else { libc::SS_DISABLE };
            // SAFETY: as the caller promises.
            unsafe { old.write(stack_t { ss_sp: base, ss_flags: flags, ss_size: size }) };
        }
        0
    }
}

// <asm-generic/signal-defs.h>
const SS_AUTODISARM: c_int = 1 << 31;
