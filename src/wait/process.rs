//! The queues and the deadlines of the process.

use super::deadlines::Deadlines;
use super::queue::Queues;
use crate::sys::in_child::in_child;
use crate::sys::pages;

/// Whoever waits on an address.
#[unsafe(link_section = ".llvm.linkonce.b.wiped")]
pub static QUEUES: Queues<1024> = Queues::new();

/// Whoever has a deadline.
pub static DEADLINES: Deadlines = Deadlines::new();

/// In a forked child nobody waits. Threads that libgreen does not schedule may have stood in
/// the parent's queues, or have held the lock of one: those may be there before the kernel was
/// asked to [wipe](pages::wipe_on_fork) them.
///
/// # Safety
/// The caller is the process's only thread.
unsafe fn empty_queues() {
    let (queues, size) = pages::of(&QUEUES);
    // SAFETY: as the caller promises.
    unsafe { pages::discard(queues, size) };
}

/// Nor has anybody a deadline.
///
/// # Safety
/// The caller is the process's only thread.
unsafe fn forget_deadlines() {
    // SAFETY: as the caller promises.
    unsafe { DEADLINES.reset() };
}

in_child!(always empty_queues);
in_child!(forget_deadlines);
