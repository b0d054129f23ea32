//! The queues and the deadlines of the process.

use super::queue::Queues;
use super::timer::Timers;
use crate::sys::in_child::in_child;
use crate::sys::pages;

/// Whoever waits on an address.
#[unsafe(link_section = ".bss.large")]
pub static QUEUES: Queues<1024> = Queues::new();

/// Whoever has a deadline.
pub static TIMERS: Timers = Timers::new();

/// In a forked child nobody waits.
///
/// # Safety
/// The caller is the process's only thread.
unsafe fn reset() {
    let (queues, size) = pages::of(&QUEUES);
    // SAFETY: as the caller promises.
    unsafe {
        pages::wipe_if_copied(queues, size);
        TIMERS.reset();
    }
}

in_child!(reset);
