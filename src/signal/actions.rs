//! What the program wants done at each signal.
//!
//! Until green threads run, actions are the kernel's business alone. From then
//! on the kernel knows the trampoline in the place of every handler of the
//! program ([`sigaction`](super::sigaction) sees to that), and this table knows the handlers.

use core::mem::{self, MaybeUninit};
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, AtomicUsize, Ordering};

use super::processor_time;
use crate::glibc::real::real;
use crate::glibc::signals::UNBLOCKABLE;
use crate::sched::mask::note_handled;
use crate::sys::in_child::in_child;
use crate::sys::sigmask::{HIGHEST, SYNCHRONOUS, bit};
use crate::task::lock::RawLock;
use crate::task::{current, rank};

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
/// Set before the first handler goes behind the trampoline. A forked child keeps it, as it keeps its handlers.
static KNOWN: AtomicBool = AtomicBool::new(false);
/// Set when the last one has. A forked child keeps it: what is left to do it does itself.
static BEHIND: AtomicBool = AtomicBool::new(false);

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

/// libc's own.
pub(super) fn real_sigaction() -> RealSigaction {
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

/// The program has installed that action. The table is [held](hold), or there is one thread. True if base
/// contexts may be open to what they are to leave alone from here on.
pub(super) fn record(signal: i32, action: &libc::sigaction) -> bool {
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
    note_handled(
        bit(signal) & !SYNCHRONOUS & !processor_time::signals(),
        is_handler,
    )
}

/// The two signals that the kernel takes out of every mask.
const NEVER_BLOCKED: u64 = bit(libc::SIGKILL) | bit(libc::SIGSTOP);

/// Has `action` block the signals of `mask`.
pub(super) fn set_mask(action: &mut libc::sigaction, mask: u64) {
    // SAFETY: a sigset_t begins with the kernel's 64 signals.
    unsafe { ptr::from_mut(&mut action.sa_mask).cast::<u64>().write(mask) };
}

/// Signals that report what the thread itself has just done.
pub fn is_synchronous(signal: i32) -> bool {
    SYNCHRONOUS & bit(signal) != 0
}

/// Whether handlers stand behind the trampoline, which counts them, or are on their way there.
pub fn are_known() -> bool {
    KNOWN.load(Ordering::Relaxed)
}

/// They are, from here on. A full barrier.
pub(super) fn set_known() {
    KNOWN.swap(true, Ordering::SeqCst);
}

/// Whether all of them are there.
#[inline(always)]
pub(super) fn are_behind() -> bool {
    BEHIND.load(Ordering::Acquire)
}

/// They are.
pub(super) fn set_behind() {
    BEHIND.store(true, Ordering::Release);
}

/// Runs `act` while nobody else changes the table.
pub(super) fn hold<R>(act: impl FnOnce() -> R) -> R {
    LOCK.during(act)
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
