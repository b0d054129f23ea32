//! Timers that signal one thread: `SIGEV_THREAD_ID` of timer_create(2).
//!
//! The kernel knows the thread by its kernel thread, which has to be its own, then: what it
//! keeps of the timer and of its signal, the count of expirations too, is right by itself.

use core::sync::atomic::Ordering;

use libc::sigevent;

use crate::sched;
use crate::signal::errand;
use crate::task::{Thread, arguments, current, green_by_id};

/// The green thread that `event` names, if it does.
///
/// # Safety
/// `event` leads nowhere, or to a `sigevent`.
unsafe fn target(event: *const sigevent) -> Option<&'static Thread> {
    if !sched::is_running()
        || current().is_lent()
        || event.is_null()
        || !arguments::are_readable(event.addr(), size_of::<sigevent>())
    {
        return None;
    }
    // SAFETY: just seen; integers.
    let (notify, id) = unsafe { ((*event).sigev_notify, (*event).sigev_notify_thread_id) };
    (notify == libc::SIGEV_THREAD_ID).then(|| green_by_id(id))?
}

/// Calls `create` with what the kernel is to be told of `event`: a green thread that it names
/// is wired, and has the id of its kernel thread.
///
/// # Safety
/// As for [`target`].
pub unsafe fn with_kernel_id<R>(
    event: *const sigevent,
    create: impl FnOnce(*const sigevent) -> R,
) -> R {
    // SAFETY: as the caller promises.
    let wired = unsafe { target(event) }.and_then(|thread| {
        thread.timed.store(true, Ordering::Relaxed);
        errand::wire(thread)
    });
    let Some(id) = wired else {
        // The kernel does not know a thread that has ended.
        return create(event);
    };
    // SAFETY: `target` has read it.
    let mut own = unsafe { event.read() };
    own.sigev_notify_thread_id = id;
    create(&raw const own)
}
