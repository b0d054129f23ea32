//! Name lookups, as libc does them: its waits park where it is patched, and hold a kernel
//! thread each where it is not. With `GREEN_RESOLVER=hub` those for name servers are
//! [libgreen's own](super::dns).

use core::ffi::CStr;
use core::ptr;

use libc::{nfds_t, pollfd};

use crate::glibc::{name_service, patch, resolver};
use crate::sched::blocking::region;
use crate::settings::{self, Resolver};
use crate::signal::cancel;
use crate::sync::sem::Sem;
use crate::sys::in_child::in_child;
use crate::sys::socket;
use crate::task::{arguments, green};

/// What libc's resolver waits in: for name servers (glibc, resolv/res_send.c), for the
/// kernel's list of addresses (sysdeps/unix/sysv/linux/check_pf.c), for nscd
/// (nscd/nscd_helper.c), for locks of its own.
const WAITS: &[&CStr] = &[
    c"connect",
    c"poll",
    c"read",
    c"readv",
    c"recvfrom",
    c"recvmsg",
    c"send",
    c"sendmmsg",
    c"sendto",
    c"writev",
    patch::WAIT_FOR_LOCK,
];

/// Where libc is not patched so many lookups may hold a kernel thread at a time; the rest
/// queue.
const LOOKUPS: u32 = 32;

static PERMITS: Sem = Sem::new(LOOKUPS);

/// Gives back the permits of lookups that were under way: in a forked child nobody is at
/// it.
///
/// # Safety
/// The caller is the process's only thread.
unsafe fn reset() {
    if !PERMITS.is_idle_at(LOOKUPS) {
        // SAFETY: nobody else runs.
        unsafe { ptr::from_ref(&PERMITS).cast_mut().write(Sem::new(LOOKUPS)) };
    }
}

in_child!(reset);

/// What is looked up.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A host, which libc asks its name services for.
    Host,
    /// The same, by a function that has one of libc's locks meanwhile.
    HostUnderLock,
    /// Anything else: libc asks name servers itself.
    Other,
    /// The same, with a state that the caller has brought.
    OtherState,
}

impl Subject {
    fn is_host(self) -> bool {
        matches!(self, Self::Host | Self::HostUnderLock)
    }

    /// Whether libc can be left in the middle of it.
    fn can_be_left(self) -> bool {
        matches!(self, Self::Host | Self::Other)
            && settings::resolver() == Resolver::Libc
            && resolver::can_forget_lookup()
    }
}

/// Who waits for name servers, where that is no kernel thread.
fn has_waiter(subject: Subject) -> bool {
    patch::have_all(WAITS) || subject.is_host() && name_service::serves_alone()
}

/// Runs `act`, a lookup of libc's, a cancellation point at its beginning, at its end, and
/// [while it asks](asking): elsewhere libc has locks.
pub fn run<R>(subject: Subject, act: impl FnOnce() -> R) -> R {
    let Some(me) = green() else { return act() };
    if settings::resolver() == Resolver::Hub {
        name_service::enlist();
    }
    cancel::point();
    let state = cancel::disable();
    let outside = me.lookup.replace(subject.can_be_left().then_some(state));
    let result = if has_waiter(subject) {
        act()
    } else {
        limited(act)
    };
    me.lookup.set(outside);
    cancel::restore(state);
    cancel::point();
    result
}

/// Runs `wait`, which libc calls to wait for one of the `count` descriptors at `fds`: if that is an
/// answer of a name server's, the calling thread can be cancelled. What libc then leaves is
/// forgotten at the thread's end.
pub fn asking<R>(fds: *const pollfd, count: nfds_t, wait: impl FnOnce() -> R) -> R {
    let is_for_servers = || {
        // SAFETY: seen to be readable.
        count == 1 && arguments::is_readable(fds) && is_datagrams(unsafe { (*fds).fd })
    };
    cancellable(is_for_servers, wait)
}

/// [`asking`] in a call on `fd`, which may be the connection to a name server.
pub fn asking_by_stream<R>(fd: i32, wait: impl FnOnce() -> R) -> R {
    cancellable(|| resolver::is_stream(fd), wait)
}

/// Runs `wait`; if that is in the middle of a lookup that can be left, and `is_for_servers`, the
/// calling thread can be cancelled.
fn cancellable<R>(is_for_servers: impl FnOnce() -> bool, wait: impl FnOnce() -> R) -> R {
    let state = green().and_then(|me| me.lookup.get());
    let Some(state) = state.filter(|_| is_for_servers()) else {
        return wait();
    };
    cancel::restore(state);
    let result = wait();
    cancel::disable();
    result
}

fn is_datagrams(fd: i32) -> bool {
    socket::int_option(fd, libc::SO_TYPE) == Ok(libc::SOCK_DGRAM)
}

/// Runs `act`, what libc's own service does for a host in the middle of a lookup.
pub fn by_libc<R>(act: impl FnOnce() -> R) -> R {
    if green().is_some() && has_waiter(Subject::Host) && !has_waiter(Subject::Other) {
        limited(act)
    } else {
        act()
    }
}

/// Runs `act` on a kernel thread of the caller's.
fn limited<R>(act: impl FnOnce() -> R) -> R {
    while PERMITS.wait() != 0 {
        // A handler has run; name lookups go on.
    }
    let result = region(act);
    PERMITS.post();
    result
}
