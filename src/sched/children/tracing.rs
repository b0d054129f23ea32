//! Whether the process may trace others.
//!
//! A wait tells its caller also of the stops of what he traces, which no descriptor does. So
//! from the first call of `ptrace(2)` on all waits are the kernel's. A child makes itself
//! traced (`PTRACE_TRACEME`), perhaps while its parent waits for it. What it tells the parent
//! by is a page that the two share, until the child executes another program.

use core::ptr;
use core::sync::atomic::{AtomicI32, AtomicPtr, AtomicU32, Ordering};

use crate::sched::kernel_thread::process;
use crate::sys::pages::{self, PAGE};
use crate::sys::raw::syscall;

/// What a process shares with its children. At most one page.
struct Shared {
    /// Counts what there is to look for.
    bell: AtomicU32,
    is_tracing: AtomicU32,
    owner: AtomicI32,
}

/// The process's, or the one of the parent that has forked it. A forked child keeps it, and
/// sees whose it is.
static OWN: AtomicPtr<Shared> = AtomicPtr::new(ptr::null_mut());
/// The parent's, in a process that has one of its own. A forked child keeps it until it has one.
static PARENTS: AtomicPtr<Shared> = AtomicPtr::new(ptr::null_mut());

fn of(place: &AtomicPtr<Shared>) -> Option<&'static Shared> {
    // SAFETY: null, or a page that stays.
    unsafe { place.load(Ordering::Acquire).as_ref() }
}

fn owned() -> Option<&'static Shared> {
    of(&OWN).filter(|shared| shared.owner.load(Ordering::Relaxed) == process())
}

/// The process's own page, made if there is none: the only one that it ever has, as a child
/// that is forked meanwhile has it, too. Not in a child that shares its parent's memory.
fn make() -> Option<&'static Shared> {
    // The parent's, if the process was forked.
    let before = OWN.load(Ordering::Acquire);
    if owned().is_none() {
        let page = pages::share(size_of::<Shared>())?.cast::<Shared>();
        // SAFETY: fresh memory, all zeros.
        unsafe { &*page }.owner.store(process(), Ordering::Relaxed);
        // Nobody looks at that of the parent's parent: before the exchange this process counts as having none of
        // its own, after it `before` is the parent's.
        let former = PARENTS.swap(before, Ordering::AcqRel);
        if !former.is_null() && former != before {
            // SAFETY: as above.
            unsafe { pages::release(former.cast(), PAGE) };
        }
        let made = OWN.compare_exchange(before, page, Ordering::AcqRel, Ordering::Acquire);
        if made.is_err() {
            // Another thread has been faster.
            // SAFETY: nobody knows of it.
            unsafe { pages::release(page.cast(), PAGE) };
        }
    }
    owned()
}

/// Before a fork: the child has something to tell its parent by.
pub fn before_fork() {
    make();
}

/// [`before_fork`], for oneself; false without memory.
pub(super) fn init() -> bool {
    make().is_some()
}

/// The calling process calls `ptrace` with `request`.
pub fn begins(request: u32) {
    let shared = if request == libc::PTRACE_TRACEME {
        match of(&OWN) {
            Some(own) if own.owner.load(Ordering::Relaxed) != process() => Some(own),
            _ => of(&PARENTS),
        }
    } else {
        make()
    };
    if let Some(shared) = shared {
        shared.is_tracing.store(1, Ordering::SeqCst);
        shared.ring();
    }
}

/// Whether stops may have to be told.
pub fn is_tracing() -> bool {
    owned().is_some_and(|own| own.is_tracing.load(Ordering::SeqCst) != 0)
}

impl Shared {
    fn ring(&self) {
        self.bell.fetch_add(1, Ordering::SeqCst);
        // SAFETY: the address of a word that two processes may share.
        unsafe { syscall!(SYS_futex, self.bell.as_ptr(), libc::FUTEX_WAKE, i32::MAX) };
    }
}

/// There is something to look for.
pub(super) fn ring() {
    if let Some(own) = owned() {
        own.ring();
    }
}

/// How often the bell was rung: note it before a look.
pub(super) fn bell() -> u32 {
    owned().map_or(0, |own| own.bell.load(Ordering::SeqCst))
}

/// Sleeps until it is rung, unless that has happened since `heard` was noted.
pub(super) fn wait_for_bell(heard: u32) {
    let Some(own) = owned() else { return };
    // SAFETY: the word lives.
    unsafe {
        syscall!(
            SYS_futex,
            own.bell.as_ptr(),
            libc::FUTEX_WAIT,
            heard,
            0usize
        )
    };
}
