//! Waiting for child processes.

use libc::{id_t, idtype_t, pid_t, rusage, siginfo_t};

use super::EINTR;
use super::attempts::{self, Manner};
use super::turn::Ends;
use crate::sched::children::{any, table, tracing};
use crate::sched::{blocking, park};
use crate::signal::{Watch, cancel, mask, restart};
use crate::sys::clock::NEVER;
use crate::sys::raw::syscall;
use crate::task::word::{Cancellation, Wake};
use crate::task::{Thread, arguments, green};

/// Whose end is waited for.
#[derive(Clone, Copy)]
enum Awaited {
    /// The child of that id.
    Child(i32),
    /// Any child that is no `__WCLONE` one.
    Any,
    /// A group's, or something else than an end.
    Other,
}

/// A wait of the kernel's, in two ways.
struct Wait<T, N> {
    /// What for.
    awaited: Awaited,
    /// Without blocking: the result, or `None` if there is none yet.
    attempt: T,
    /// With.
    native: N,
    /// Whose cancellation ends it.
    cancellation: Cancellation,
}

/// Options that ask for nothing but the end of a child.
const OF_KINDS: i32 = libc::__WALL | libc::__WCLONE;

/// `wait4(2)` without `WNOHANG`; `native` carries it out in the kernel.
///
/// # Safety
/// As for `wait4`.
pub unsafe fn wait4(
    (pid, status, options, usage): (pid_t, *mut i32, i32, *mut rusage),
    native: impl Fn() -> isize,
    cancellation: Cancellation,
) -> isize {
    let awaited = match pid {
        1.. if options & !OF_KINDS == 0 => Awaited::Child(pid),
        -1 if options == 0 => Awaited::Any,
        _ => Awaited::Other,
    };
    let attempt = || {
        let options = options | libc::WNOHANG;
        // SAFETY: as the caller promises; the kernel refuses bad addresses.
        match unsafe { syscall!(SYS_wait4, pid, status, options, usage) } {
            0 => None,
            result => Some(result),
        }
    };
    let wait = Wait {
        awaited,
        attempt,
        native,
        cancellation,
    };
    wait.run()
}

/// `waitid(2)` without `WNOHANG`; `native` carries it out in the kernel, whose fifth argument `usage` is.
///
/// # Safety
/// As for `waitid`.
pub unsafe fn waitid(
    (kind, id, info, options): (idtype_t, id_t, *mut siginfo_t, i32),
    usage: *mut rusage,
    native: impl Fn() -> isize,
    cancellation: Cancellation,
) -> isize {
    const END: i32 = libc::WEXITED;
    let awaited = match kind {
        libc::P_PID if id > 0 && options & !(OF_KINDS | libc::WNOWAIT) == END => {
            Awaited::Child(id as i32)
        }
        libc::P_ALL if options & !libc::WNOWAIT == END => Awaited::Any,
        _ => Awaited::Other,
    };
    let attempt = || {
        // The part of a siginfo_t that the kernel writes: signal 0 if there is none.
        let mut found = [0u64; size_of::<siginfo_t>() / 8];
        let (place, options) = (found.as_mut_ptr(), options | libc::WNOHANG);
        // SAFETY: a siginfo_t fits into `found`.
        match unsafe { syscall!(SYS_waitid, kind, id, place, options, usage) } {
            0 if found[0] as i32 == 0 => None,
            0 => {
                let written = [found[0], found[1], found[2], found[3]];
                // SAFETY: as the caller promises; a siginfo_t is longer.
                let given = unsafe { arguments::give_if_asked(info.cast(), written) };
                Some(given.map_or_else(|error| -(error as isize), |()| 0))
            }
            error => Some(error),
        }
    };
    let wait = Wait {
        awaited,
        attempt,
        native,
        cancellation,
    };
    wait.run()
}

impl<T: Fn() -> Option<isize>, N: Fn() -> isize> Wait<T, N> {
    /// Waits: the kernel's result.
    fn run(self) -> isize {
        let Some(me) = green() else {
            return (self.native)();
        };
        if mask::is_libcs(me) {
            // For the child of a posix_spawn that has failed, which is about to end.
            return restart::kernel_call(&self.native);
        }
        // Where nobody could take over the slot at once many would come to wait for that, and then all
        // go to the kernel.
        let parks = !blocking::are_few() || !blocking::may_block();
        let result = match self.awaited {
            Awaited::Child(pid) if parks && !tracing::is_tracing() => self.for_one(me, pid),
            Awaited::Any if parks => self.for_any(me),
            _ => None,
        };
        let manner = Manner {
            cancellation: self.cancellation,
            ends: Ends::UnlessRestarted,
            deadline: NEVER,
        };
        result.unwrap_or_else(|| {
            let native = || restart::kernel_call(&self.native);
            attempts::or_block(manner, &self.attempt, || EINTR, || EINTR, native)
        })
    }

    /// `None` if the kernel has to wait.
    fn for_one(&self, me: &'static Thread, pid: i32) -> Option<isize> {
        let watch = Watch::new(me);
        loop {
            let child = table::watch(pid)?;
            let events = child.events();
            let mut result = (self.attempt)();
            let mut reason = None;
            if result.is_none() {
                let nothing_new = || child.may_park(events).then_some(0);
                reason = self.park(child.key(), nothing_new, || ());
                result = (self.attempt)();
            }
            child.leave();
            if result.is_some() {
                return result;
            }
            match reason {
                Some(Wake::Interrupted) if self.fails(watch) => return Some(EINTR),
                Some(Wake::Interrupted) => {}
                // Its end is not for us to see, or it was not watched for.
                _ => return None,
            }
        }
    }

    /// `None` if the kernel has to wait.
    fn for_any(&self, me: &'static Thread) -> Option<isize> {
        let watch = Watch::new(me);
        while any::watch() {
            let events = any::events();
            if let Some(result) = (self.attempt)() {
                any::pass_on();
                return Some(result);
            }
            let nothing_new = || any::may_park(events).then_some(0);
            let reason = self.park(any::key(), nothing_new, any::ask);
            if reason == Some(Wake::Interrupted) {
                if let Some(result) = (self.attempt)() {
                    any::pass_on();
                    return Some(result);
                }
                if self.fails(watch) {
                    return Some(EINTR);
                }
            }
        }
        None
    }

    /// Waits at the address for somebody to say that there is something new.
    fn park(
        &self,
        key: usize,
        nothing_new: impl FnOnce() -> Option<u32>,
        queued: impl FnOnce(),
    ) -> Option<Wake> {
        park::on_address(key, NEVER, self.cancellation, nothing_new, queued, || ())
    }

    /// After an interruption: whether the wait ends by it.
    fn fails(&self, watch: Watch) -> bool {
        cancel::after(self.cancellation);
        watch.interrupted()
    }
}
