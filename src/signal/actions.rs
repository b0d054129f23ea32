//! What the program wants done at each signal.
//!
//! Until green threads run, actions are the kernel's business alone. From then
//! on the kernel knows the trampoline in the place of every handler of the
//! program, and this table knows the handlers.

use core::mem::{self, MaybeUninit};
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, AtomicUsize, Ordering};

use super::{shared, trampoline};
use crate::glibc::real::real;
use crate::glibc::signals::{SIGCANCEL, SIGSETXID, UNBLOCKABLE};
use crate::glibc::threads;
use crate::sched::mask::idle_mask;
use crate::sched::{self, idle};
use crate::sys::in_child::in_child;
use crate::sys::sigmask::{HIGHEST, bit};
use crate::task::lock::RawLock;
use crate::task::{Critical, current, pending, rank};

/// An entry; `handler` 0 where the kernel knows the whole truth.
struct Entry {
    handler: AtomicUsize,
    flags: AtomicI32,
    mask: AtomicU64,
}

/// A forked child keeps it, as it keeps its handlers.
#[unsafe(link_section = ".llvm.linkonce.b.tables")]
static ACTIONS: [Entry; HIGHEST as usize + 1] = [const {
    Entry {
        handler: AtomicUsize::new(0),
        flags: AtomicI32::new(0),
        mask: AtomicU64::new(0),
    }
}; HIGHEST as usize + 1];

static LOCK: RawLock<{ rank::HANDLERS }> = RawLock::new();
/// A forked child keeps it, as it keeps its handlers.
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

/// `SA_RESTORER` (asm/signal.h), which glibc sets in every action.
const RESTORER: i32 = 0x0400_0000;

/// Every signal that can be blocked is.
const ALL: u64 = !0;

type RealSigaction = unsafe extern "C" fn(i32, *const libc::sigaction, *mut libc::sigaction) -> i32;

fn real_sigaction() -> RealSigaction {
    real!(sigaction: RealSigaction)
}

/// The handler for `signal`, if the program has installed one.
pub fn get(signal: i32) -> Option<Action> {
    let entry = &ACTIONS[signal as usize];
    // Acquire pairs with the Release in `record`.
    let handler = entry.handler.load(Ordering::Acquire);
    (handler != 0).then(|| Action {
        handler,
        flags: entry.flags.load(Ordering::Relaxed),
        mask: entry.mask.load(Ordering::Relaxed),
    })
}

fn record(signal: i32, action: &libc::sigaction) {
    let entry = &ACTIONS[signal as usize];
    let is_handler = !matches!(action.sa_sigaction, libc::SIG_DFL | libc::SIG_IGN);
    entry.flags.store(action.sa_flags, Ordering::Relaxed);
    // SAFETY: a sigset_t begins with the kernel's 64 signals.
    let mask = unsafe { ptr::from_ref(&action.sa_mask).cast::<u64>().read() };
    entry.mask.store(mask & !NEVER_BLOCKED, Ordering::Relaxed);
    entry.handler.store(
        if is_handler { action.sa_sigaction } else { 0 },
        Ordering::Release,
    );
}

/// The two signals that the kernel takes out of every mask.
const NEVER_BLOCKED: u64 = bit(libc::SIGKILL) | bit(libc::SIGSTOP);

fn set_mask(action: &mut libc::sigaction, mask: u64) {
    // SAFETY: a sigset_t begins with the kernel's 64 signals.
    unsafe { ptr::from_mut(&mut action.sa_mask).cast::<u64>().write(mask) };
}

/// A handler for `signal` was installed: true if that changes what base contexts are closed
/// to. Signals that queue have to arrive one after the other.
fn keep_in_order(signal: i32) -> bool {
    let queue = !0 << (pending::REAL_TIME - 1) & !UNBLOCKABLE;
    pending::queues(signal) && sched::mask::keep_in_order(queue)
}

/// Signals that report what the thread itself has just done.
pub fn is_synchronous(signal: i32) -> bool {
    matches!(
        signal,
        libc::SIGSEGV | libc::SIGBUS | libc::SIGFPE | libc::SIGILL | libc::SIGTRAP | libc::SIGSYS
    )
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
        set_mask(&mut disguised, ALL);
    }
    disguised
}

/// Puts the trampoline in front of the handlers that the program has installed
/// so far, unless that has been done. Called by the first `pthread_create`, whatever comes of that.
pub fn install() {
    if INSTALLED.load(Ordering::Relaxed) || INSTALLED.swap(true, Ordering::Relaxed) {
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
                    if keep_in_order(signal) {
                        shared::need();
                    }
                    real_sigaction()(signal, &disguise(&action), ptr::null_mut());
                }
            }
        }
    }
}

/// [`install`] before a wait inside the runtime, where there has been no `pthread_create` yet. If there are
/// other threads nevertheless (of a `SIGEV_THREAD`, for one) handlers stay the kernel's: one of them may be in
/// a call that has the kernel change its mask, and [did not note it](super::mask::natively).
pub fn install_if_alone() {
    if !are_known() && threads::is_single() {
        install();
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

/// Whether handlers stand behind the trampoline, which counts them.
pub fn are_known() -> bool {
    INSTALLED.load(Ordering::Relaxed)
}

/// Whether the action for `signal` is kept here, and the kernel has the trampoline at
/// most.
pub fn are_ours(signal: i32) -> bool {
    are_known() && (1..=HIGHEST).contains(&signal) && !matches!(signal, SIGCANCEL | SIGSETXID)
}

/// `sigaction(2)`.
///
/// # Safety
/// As for `sigaction`.
pub unsafe fn set(signal: i32, new: *const libc::sigaction, old: *mut libc::sigaction) -> i32 {
    if !are_ours(signal) {
        // SAFETY: as the caller promises.
        return unsafe { real_sigaction()(signal, new, old) };
    }
    if current().is_lent() {
        // SAFETY: as the caller promises.
        return unsafe { set_own(signal, new, old) };
    }
    let _critical = Critical::enter();
    LOCK.lock();
    let before = get(signal);
    let mut reorder = false;
    // SAFETY: as the caller promises. `new` may be `old`: it is read first.
    let result = unsafe {
        let wanted = new.as_ref().copied();
        let result = match &wanted {
            None => real_sigaction()(signal, ptr::null(), old),
            Some(wanted) => real_sigaction()(signal, &disguise(wanted), old),
        };
        if result == 0 {
            if let (Some(old), Some(before)) = (old.as_mut(), before) {
                show(before, old);
            }
            if let Some(wanted) = &wanted {
                record(signal, wanted);
                if ignores(signal, wanted) {
                    pending::discard(signal);
                }
                reorder = get(signal).is_some() && keep_in_order(signal);
            }
        }
        result
    };
    LOCK.unlock();
    if reorder {
        shared::need();
        idle::renew_mask(idle_mask());
    }
    result
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

/// [`get`] for somebody who is about to run the handler: one that was installed with
/// `SA_RESETHAND` is given to one caller only, and the action is the default then. The
/// caller is not critical.
pub fn take(signal: i32) -> Option<Action> {
    let action = get(signal)?;
    if action.flags & libc::SA_RESETHAND == 0 {
        return Some(action);
    }
    if current().is_lent() {
        set_default(signal, action);
        return Some(action);
    }
    LOCK.during(|| {
        let action = get(signal);
        if let Some(action) = action.filter(|action| action.flags & libc::SA_RESETHAND != 0) {
            ACTIONS[signal as usize].handler.store(0, Ordering::Relaxed);
            set_default(signal, action);
        }
        action
    })
}

/// Back to the default action after `action` was taken.
fn set_default(signal: i32, action: Action) {
    // SAFETY: all zeros is SIG_DFL.
    let mut default: libc::sigaction = unsafe { mem::zeroed() };
    default.sa_flags = action.flags;
    set_mask(&mut default, action.mask);
    // SAFETY: a valid action.
    unsafe { real_sigaction()(signal, &default, ptr::null_mut()) };
}

/// The caller, a forked child, has none of its parent's handlers (`CLONE_CLEAR_SIGHAND`, clone3(2)).
pub fn forget_handlers() {
    for entry in &ACTIONS {
        entry.handler.store(0, Ordering::Relaxed);
    }
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
        (outer | self.mask | own) & !UNBLOCKABLE
    }
}

/// Forgets a lock that another thread of the parent may have held.
///
/// # Safety
/// The caller is the process's only thread.
unsafe fn free_lock() {
    // SAFETY: nobody else runs.
    unsafe { LOCK.reset() };
}

in_child!(always free_lock);
