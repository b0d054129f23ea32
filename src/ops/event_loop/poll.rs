//! `poll` and `ppoll`.

use core::slice;

use libc::{nfds_t, pollfd};

use super::{Wait, forget_ready};
use crate::ops::poll::{self, Interest};
use crate::signal::{cancel, restart, signalfd};
use crate::sys::clock;
use crate::sys::raw::syscall;

fn interests(fds: &[pollfd]) -> impl Iterator<Item = Interest> + Clone {
    fds.iter().filter(|entry| entry.fd >= 0).map(|entry| {
        let wants = |bits: i16| entry.events & bits != 0;
        let read = wants(
            libc::POLLIN | libc::POLLRDNORM | libc::POLLRDBAND | libc::POLLPRI | libc::POLLRDHUP,
        );
        let write = wants(libc::POLLOUT | libc::POLLWRNORM | libc::POLLWRBAND);
        // Hang-ups and errors are told unasked, in both directions.
        Interest {
            fd: entry.fd,
            read: read || !write,
            write,
        }
    })
}

/// Waits until one of the `count` descriptors at `fds` is ready.
///
/// # Safety
/// As for `poll`.
pub unsafe fn until_ready(wait: &Wait, fds: *mut pollfd, count: nfds_t) -> isize {
    // SAFETY: as the caller promises.
    signalfd::awaited(wait.me, || unsafe { wait_for(wait, fds, count) })
}

/// [`until_ready`].
///
/// # Safety
/// As for `poll`.
unsafe fn wait_for(wait: &Wait, fds: *mut pollfd, count: nfds_t) -> isize {
    // SAFETY: as the caller promises; the kernel refuses what is no array.
    let ask = || unsafe { syscall!(SYS_poll, fds, count, 0) };
    let look = || restart::kernel_call(|| signalfd::look(wait.me, ask));
    let in_kernel = || {
        let left = clock::millis_until(wait.deadline) as usize;
        let arguments = [fds.addr(), count as usize, left, 0, 0, 0];
        // SAFETY: as above.
        unsafe { cancel::waiting_call(libc::SYS_poll, arguments) }
    };
    // SAFETY: called when the kernel has read and written the whole array.
    let array = || unsafe { slice::from_raw_parts(fds, count as usize) };
    let looks_first = count == 0 || wait.looks_first();
    if looks_first && let Some(result) = wait.look(look) {
        return result;
    }
    if count == 0 {
        return wait.sleep();
    }
    if let Some(result) = wait.alone(in_kernel) {
        if result > 0 {
            let ready = array().iter().filter(|entry| entry.revents != 0);
            forget_ready(ready.map(|entry| entry.fd));
        }
        return result;
    }
    if !looks_first && let Some(result) = wait.look(look) {
        return result;
    }
    let interests = interests(array());
    poll::any(
        wait.me,
        interests,
        wait.deadline,
        &wait.watch,
        look,
        in_kernel,
    )
}
