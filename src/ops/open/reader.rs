//! Opening for reading. An open with `O_NONBLOCK` is the beginning of what the kernel does for one
//! that waits, and the kernel tells of writers afterwards: without any a read is at an end of file,
//! with one it fails, and `POLLHUP` says that the last one has gone, but not before there was one
//! (Linux, fs/pipe.c: `fifo_open`, `pipe_read`, `pipe_poll`).

use super::opened::{Kind, condition};
use super::{Attempt, Request, await_other_end, tell};
use crate::hub::fifos;
use crate::ops::EAGAIN;
use crate::sys::raw::syscall;
use crate::task::word::Cancellation;
use crate::task::{Critical, Thread};

impl Request {
    /// One attempt. No handler runs meanwhile: it might never return.
    ///
    /// # Safety
    /// As for `openat`.
    pub(super) unsafe fn attempt_to_read(
        &self,
        me: &'static Thread,
        cancellation: Cancellation,
    ) -> Attempt {
        let _critical = Critical::enter();
        let flags = self.flags | libc::O_NONBLOCK | libc::O_CLOEXEC;
        // SAFETY: as the caller promises.
        let fd = fifos::begin(|| unsafe { self.with(flags) }) as i32;
        match Kind::of(fd) {
            Kind::None => Attempt::Native,
            Kind::AtOnce => self.opened(fd),
            Kind::Fifo if had_writer(fd) => self.opened(fd),
            Kind::Fifo if fifos::watch(fd) => {
                await_other_end(me, fd, cancellation, || had_writer(fd))
                    .unwrap_or_else(|| self.opened(fd))
            }
            Kind::Fifo | Kind::Other => {
                tell(&fifos::close(fd));
                Attempt::Native
            }
        }
    }
}

/// Whether the FIFO that `fd` reads from without blocking has a writer, or has had one since it was
/// opened. Data is taken for a sign of that: what former writers have left, and no reader has taken
/// who has the FIFO open, is not told from it.
fn had_writer(fd: i32) -> bool {
    /// Memory that is not to be written, so that a read takes nothing.
    static NOWHERE: usize = 0;
    const EFAULT: isize = -(libc::EFAULT as isize);
    // SAFETY: the kernel refuses the address.
    match unsafe { syscall!(SYS_read, fd, &raw const NOWHERE, 1) } {
        EAGAIN | EFAULT => true,
        0 => condition(fd) & libc::POLLHUP != 0,
        _ => false,
    }
}
