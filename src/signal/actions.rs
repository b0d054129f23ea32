//! What the program wants done at each signal.
//!
//! Until green threads run, actions are the kernel's business alone. From then
//! on the kernel knows the trampoline in the place of every handler of the
//! program, and this table knows the handlers.

use core::mem::{self, MaybeUninit};
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, AtomicUsize, Ordering};

use super::{HIGHEST, SIGCANCEL, SIGSETXID, UNBLOCKABLE, bit, delivery};
use crate::sys::lock::RawLock;
use crate::sys::real::real;
use crate::thread::Critical;

/// An entry; `handler` 0 where the kernel knows the whole truth.
struct Entry {
    handler: AtomicUsize,
    flags: AtomicI32,
    mask: AtomicU64,
}

static TABLE: [Entry; HIGHEST as usize + 1] = [const {
    Entry {
        handler: AtomicUsize::new(0),
        flags: AtomicI32::new(0),
        mask: AtomicU64::new(0),
    }
}; HIGHEST as usize + 1];

static LOCK: RawLock = RawLock::new();
static INSTALLED: AtomicBool = AtomicBool::new(false);

/// A handler of the program and how to run it.
#[derive(Clone, Copy)]
pub struct Action {
    /// Its address.
    pub handler: usize,
    /// Its `SA_*` flags.
    pub flags: i32,
    /// Signals blocked while it runs, without the signal itself.
    pub mask: u64,
}

type RealSigaction = unsafe extern "C" fn(i32, *const libc::sigaction, *mut libc::sigaction) -> i32;

fn real_sigaction() -> RealSigaction {
    real!(sigaction: RealSigaction)
}

/// The handler for `signal`, if the program has installed one.
pub fn get(signal: i32) -> Option<Action> {
    let entry = &TABLE[signal as usize];
    // Acquire pairs with the Release in `record`.
    let handler = entry.handler.load(Ordering::Acquire);
    (handler != 0).then(|| Action {
        handler,
        flags: entry.flags.load(Ordering::Relaxed),
        mask: entry.mask.load(Ordering::Relaxed),
    })
}

fn record(signal: i32, action: &libc::sigaction) {
    let entry = &TABLE[signal as usize];
    let is_handler = !matches!(action.sa_sigaction, libc::SIG_DFL | libc::SIG_IGN);
    // SAFETY: a sigset_t begins with the kernel's 64 signals.
    let mask = unsafe { ptr::from_ref(&action.sa_mask).cast::<u64>().read() } & !UNBLOCKABLE;
    entry.flags.store(action.sa_flags, Ordering::Relaxed);
    entry.mask.store(mask, Ordering::Relaxed);
    entry.handler.store(
        if is_handler { action.sa_sigaction } else { 0 },
        Ordering::Release,
    );
}

/// Signals that report what the thread itself has just done.
pub fn is_synchronous(signal: i32) -> bool {
    matches!(
        signal,
        libc::SIGSEGV | libc::SIGBUS | libc::SIGFPE | libc::SIGILL | libc::SIGTRAP | libc::SIGSYS
    )
}

/// `action` as the kernel is to know it.
fn disguise(signal: i32, action: &libc::sigaction) -> libc::sigaction {
    let mut disguised = *action;
    if !matches!(action.sa_sigaction, libc::SIG_DFL | libc::SIG_IGN) {
        disguised.sa_sigaction = delivery::trampoline as *const () as usize;
        disguised.sa_flags |= libc::SA_SIGINFO;
        // The trampoline resets the action when the handler really runs.
        disguised.sa_flags &= !libc::SA_RESETHAND;
        // A handler may park, and the alternate stack is the worker's. A fault
        // may be an overflow of the thread's own stack: only that needs another.
        if !is_synchronous(signal) {
            disguised.sa_flags &= !libc::SA_ONSTACK;
        }
    }
    disguised
}

/// Puts the trampoline in front of the handlers that the program has installed
/// so far. Called once, before the first green thread.
pub fn install() {
    if INSTALLED.swap(true, Ordering::Relaxed) {
        return;
    }
    for signal in (1..=HIGHEST).filter(|signal| !matches!(*signal, SIGCANCEL | SIGSETXID)) {
        let mut action = MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: both structures are valid; libc refuses what is not a signal.
        unsafe {
            if real_sigaction()(signal, ptr::null(), action.as_mut_ptr()) == 0 {
                let action = action.assume_init();
                record(signal, &action);
                if get(signal).is_some() {
                    real_sigaction()(signal, &disguise(signal, &action), ptr::null_mut());
                }
            }
        }
    }
}

/// `sigaction(2)`.
///
/// # Safety
/// As for `sigaction`.
pub unsafe fn set(signal: i32, new: *const libc::sigaction, old: *mut libc::sigaction) -> i32 {
    let ours = (1..=HIGHEST).contains(&signal) && !matches!(signal, SIGCANCEL | SIGSETXID);
    if !INSTALLED.load(Ordering::Relaxed) || !ours {
        // SAFETY: as the caller promises.
        return unsafe { real_sigaction()(signal, new, old) };
    }
    let _critical = Critical::enter();
    LOCK.lock();
    let before = get(signal);
    // SAFETY: as the caller promises. `new` may be `old`: it is read first.
    let result = unsafe {
        let wanted = new.as_ref().copied();
        let result = match &wanted {
            None => real_sigaction()(signal, ptr::null(), old),
            Some(wanted) => real_sigaction()(signal, &disguise(signal, wanted), old),
        };
        if result == 0 {
            if let (Some(old), Some(before)) = (old.as_mut(), before) {
                old.sa_sigaction = before.handler;
                old.sa_flags = before.flags;
            }
            if let Some(wanted) = &wanted {
                record(signal, wanted);
            }
        }
        result
    };
    LOCK.unlock();
    result
}

/// `SA_RESETHAND`: back to the default action, as the handler is about to run.
pub fn reset(signal: i32) {
    // SAFETY: all zeros is SIG_DFL without flags.
    let default: libc::sigaction = unsafe { mem::zeroed() };
    TABLE[signal as usize].handler.store(0, Ordering::Relaxed);
    // SAFETY: a valid action.
    unsafe { real_sigaction()(signal, &default, ptr::null_mut()) };
}

/// Whether the signal is ignored.
pub fn is_ignored(signal: i32) -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: `action` is writable.
    unsafe {
        real_sigaction()(signal, ptr::null(), action.as_mut_ptr()) == 0
            && action.assume_init().sa_sigaction == libc::SIG_IGN
    }
}

impl Action {
    /// What is blocked while the handler runs on a thread that blocks `outer`.
    pub fn mask_during(&self, signal: i32, outer: u64) -> u64 {
        let own = if self.flags & libc::SA_NODEFER == 0 {
            bit(signal)
        } else {
            0
        };
        outer | self.mask | own
    }
}

/// Forgets a lock that another thread of the parent may have held.
///
/// # Safety
/// The caller is the process's only thread.
pub unsafe fn reset_in_child() {
    // SAFETY: nobody else runs.
    unsafe { ptr::from_ref(&LOCK).cast_mut().write(RawLock::new()) };
}
