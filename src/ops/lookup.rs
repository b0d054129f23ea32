//! Name lookups, as libc does them: its waits park where it is patched, and hold a kernel
//! thread each where it is not. With `GREEN_RESOLVER=hub` those for name servers are
//! [libgreen's own](super::dns).

use core::ffi::{CStr, c_void};
use core::ptr;
use core::sync::atomic::Ordering;

use libc::{nfds_t, pollfd};

use crate::glibc::{cleanup, name_service, patch, resolver, resolver_context};
use crate::sched::blocking::region;
use crate::settings::{self, Resolver};
use crate::signal::cancel;
use crate::sync::sem::Sem;
use crate::sys::in_child::in_child;
use crate::sys::socket;
use crate::task::lookup::Lookup;
use crate::task::{Thread, arguments, green};

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
    /// The same, by a `struct __res_state` that the caller has brought.
    With(*const c_void),
}

impl Subject {
    fn is_host(self) -> bool {
        matches!(self, Self::Host | Self::HostUnderLock)
    }

    /// Whether libc can be left in the middle of it.
    fn can_be_left(self) -> bool {
        self != Self::HostUnderLock && resolver_context::can_forget()
    }

    fn resolver(self) -> *const c_void {
        match self {
            Self::With(state) => state,
            _ => ptr::null(),
        }
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
    let tcb = me.tcb();
    let is_told = tcb.allows_cancellation() && !tcb.allows_cancellation_anywhere();
    let state = cancel::disable();
    let outside = me.lookup.replace(Lookup {
        is_under_way: true,
        is_told,
        can_be_left: subject.can_be_left(),
        was_one_left: false,
        state,
        resolver: subject.resolver(),
    });
    let left = || {
        me.lookup.set(Lookup {
            was_one_left: true,
            ..outside
        });
        cancel::restore(state);
    };
    // A request for cancellation may unwind it, and a handler may, or jump out of it.
    let result = cleanup::guarded(left, || {
        if has_waiter(subject) {
            act()
        } else {
            limited(act)
        }
    });
    me.lookup.set(Lookup {
        was_one_left: outside.was_one_left || me.lookup.get().was_one_left,
        ..outside
    });
    cancel::restore(state);
    cancel::point();
    result
}

/// Runs `wait`, which libc calls to wait for one of the `count` descriptors at `fds`: if that is an
/// answer of a name server's, the calling thread can be cancelled. What libc then leaves is
/// forgotten at the thread's end.
pub fn asking<R>(fds: *const pollfd, count: nfds_t, wait: impl FnOnce() -> R) -> R {
    let is_for_servers = |_: &Lookup| {
        // SAFETY: seen to be readable.
        count == 1 && arguments::is_readable(fds) && is_datagrams(unsafe { (*fds).fd })
    };
    cancellable(is_for_servers, wait)
}

/// [`asking`] in a call on `fd`, which may be the connection to a name server.
pub fn asking_by_stream<R>(fd: i32, wait: impl FnOnce() -> R) -> R {
    // SAFETY: libc is in the middle of a lookup by that.
    let is_for_servers = |lookup: &Lookup| unsafe { resolver::is_stream(lookup.resolver, fd) };
    cancellable(is_for_servers, wait)
}

/// Runs `wait`; if that is in the middle of a lookup that can be left, and `is_for_servers`, the
/// calling thread can be cancelled.
fn cancellable<R>(is_for_servers: impl FnOnce(&Lookup) -> bool, wait: impl FnOnce() -> R) -> R {
    let lookup = green().map(|me| me.lookup.get());
    match lookup.filter(|lookup| lookup.can_be_left && is_for_servers(lookup)) {
        Some(lookup) => with_state(&lookup, wait),
        None => wait(),
    }
}

/// Runs `wait`, which a request for the cancellation of `me`, the caller, ends, unless that is asked for
/// anywhere; the stack is not unwound by it.
pub fn told<R>(me: &'static Thread, wait: impl FnOnce() -> R) -> R {
    let lookup = me.lookup.get();
    if lookup.is_told {
        with_state(&lookup, wait)
    } else {
        wait()
    }
}

/// Whether `me`, the caller, which is in the middle of a lookup, has been cancelled, and has to come to
/// the end of that.
pub fn is_cancelled(me: &'static Thread) -> bool {
    me.cancelled.load(Ordering::Relaxed) && me.lookup.get().is_told
}

/// Runs `wait` with cancellation as it is outside of the lookup.
fn with_state<R>(lookup: &Lookup, wait: impl FnOnce() -> R) -> R {
    cancel::restore(lookup.state);
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
    let give_back = || {
        PERMITS.post();
    };
    let result = cleanup::guarded(give_back, || region(act));
    give_back();
    result
}
