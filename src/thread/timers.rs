//! Timers that signal one thread: `SIGEV_THREAD_ID` of timer_create(2).

use libc::sigevent;

use super::signalled;
use crate::task::arguments;

/// Calls `create` with what the kernel is to be told of `event`: a thread that it names has the
/// [id](signalled::kernel_id) of its kernel thread.
///
/// # Safety
/// `event` leads nowhere, or to a `sigevent`.
pub unsafe fn with_kernel_id<R>(
    event: *const sigevent,
    create: impl FnOnce(*const sigevent) -> R,
) -> R {
    if event.is_null() || !arguments::are_readable(event.addr(), size_of::<sigevent>()) {
        return create(event);
    }
    // SAFETY: just seen; integers.
    let mut own = unsafe { event.read() };
    if own.sigev_notify != libc::SIGEV_THREAD_ID {
        return create(event);
    }
    own.sigev_notify_thread_id = signalled::kernel_id(own.sigev_notify_thread_id);
    create(&raw const own)
}
