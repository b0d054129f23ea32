//! Timers that signal one thread (`SIGEV_THREAD_ID` of timer_create(2)), or whoever uses processor time.

use libc::{clockid_t, sigevent};

use super::signalled;
use crate::signal::processor_time;
use crate::task::arguments;

/// Calls `create` with what the kernel is to be told of `event`, for a timer of `clock`: a thread that it names
/// has the [id](signalled::kernel_id) of its kernel thread.
///
/// # Safety
/// `event` leads nowhere, or to a `sigevent`.
pub unsafe fn create<R>(
    clock: clockid_t,
    event: *const sigevent,
    create: impl FnOnce(*const sigevent) -> R,
) -> R {
    if event.is_null() {
        processor_time::note_timer(clock, libc::SIGALRM);
        return create(event);
    }
    if !arguments::are_readable(event.addr(), size_of::<sigevent>()) {
        return create(event);
    }
    // SAFETY: just seen; integers.
    let mut own = unsafe { event.read() };
    if own.sigev_notify == libc::SIGEV_SIGNAL {
        processor_time::note_timer(clock, own.sigev_signo);
    }
    if own.sigev_notify != libc::SIGEV_THREAD_ID {
        return create(event);
    }
    own.sigev_notify_thread_id = signalled::kernel_id(own.sigev_notify_thread_id);
    create(&raw const own)
}
