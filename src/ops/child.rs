//! Waiting for child processes.

use libc::{id_t, idtype_t, pid_t, rusage, siginfo_t};

use super::attempts::{self, Manner};
use super::awaited::Awaited;
use super::turn::Ends;
use super::{EAGAIN, EINTR, IN_KERNEL, Operation, look, pass_on};
use crate::glibc::cleanup;
use crate::hub::descriptor::Direction;
use crate::sched::children::alike::Question;
use crate::sched::children::{self, any, stops, tracing};
use crate::sched::{blocking, park};
use crate::signal::{Watch, cancel, mask, restart};
use crate::sys::clock::NEVER;
use crate::sys::raw::syscall;
use crate::task::word::{Cancellation, Wake};
use crate::task::{Critical, Thread, arguments, green};

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

/// `wait4(2)` without `WNOHANG`; `native` carries it out in the kernel.
///
/// # Safety
/// As for `wait4`.
pub unsafe fn wait4(
    (pid, status, options, usage): (pid_t, *mut i32, i32, *mut rusage),
    native: impl Fn() -> isize,
    cancellation: Cancellation,
) -> isize {
    let (kind, id) = match pid {
        1.. => (libc::P_PID, pid),
        0 => (libc::P_PGID, 0),
        -1 => (libc::P_ALL, 0),
        _ => (libc::P_PGID, pid.wrapping_neg()),
    };
    let awaited = Awaited::of(Question {
        kind,
        id,
        options: options | libc::WEXITED,
    });
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
    let awaited = Awaited::of(Question {
        kind,
        id: id as i32,
        options,
    });
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
            Awaited::Child(pid, options) if parks && !tracing::is_tracing() => {
                self.for_one(me, pid, options)
            }
            Awaited::Any if parks => self.for_any(me),
            Awaited::Descriptor(fd) if parks => self.at(me, fd),
            Awaited::Other(question) => return self.for_answer(me, question, parks),
            _ => None,
        };
        result.unwrap_or_else(|| self.block(|| ()))
    }

    /// Has the kernel wait, which begins with `lead`.
    fn block(&self, lead: impl Fn()) -> isize {
        let manner = Manner {
            cancellation: self.cancellation,
            ends: Ends::UnlessRestarted,
            deadline: NEVER,
        };
        let native = || {
            lead();
            restart::kernel_call(&self.native)
        };
        attempts::or_block(manner, &self.attempt, || EINTR, || EINTR, native)
    }

    fn for_answer(&self, me: &'static Thread, question: Question, parks: bool) -> isize {
        let wait = || {
            parks
                .then(|| self.behind_others(me, question))
                .flatten()
                .unwrap_or_else(|| self.block(|| question.lead()))
        };
        // It may end, or be left, before it is in the kernel, and others have made it go first.
        let result = cleanup::guarded(|| question.leave(), wait);
        question.pass_on();
        result
    }

    /// `None` if the kernel has to wait.
    fn for_one(&self, me: &'static Thread, pid: i32, options: i32) -> Option<isize> {
        let watch = Watch::new(me);
        let failures = stops::failures(options);
        loop {
            let (result, reason, has_ended) = {
                // No handler runs meanwhile: it might never return.
                let _critical = Critical::enter();
                let child = children::watch(pid, options)?;
                let events = child.events();
                let mut result = (self.attempt)();
                let mut reason = None;
                if result.is_none() {
                    let nothing_new =
                        || (child.may_park(events) && !stops::have_failed(options)).then_some(0);
                    reason = self.park(child.key(), nothing_new, || stops::ask(options));
                    result = (self.attempt)();
                }
                let has_ended = child.has_ended();
                child.leave(options);
                // Behind what this one has found, or leaves to others.
                stops::ask(options);
                (result, reason, has_ended)
            };
            if result.is_some() {
                return result;
            }
            let goes_on = options != 0
                && !has_ended
                && stops::failures(options) == failures
                && !tracing::is_tracing();
            match reason {
                Some(Wake::Interrupted) if self.fails(watch) => return Some(EINTR),
                Some(Wake::Interrupted) => {}
                // For a stop of another child's, or one that another thread has been told of.
                _ if goes_on => {}
                // Its end is not for us to see, or it was not watched for.
                _ => return None,
            }
        }
    }

    /// Waits behind somebody whom the kernel has wait for the same, or is that one. `None` if the caller may
    /// not block its kernel thread.
    fn behind_others(&self, me: &'static Thread, question: Question) -> Option<isize> {
        let watch = Watch::new(me);
        loop {
            let (result, reason) = {
                // Who has been woken looks, and goes first or wakes the next one, before a handler runs, which
                // might never return.
                let critical = Critical::enter();
                let Some(reason) = question.follow(self.cancellation) else {
                    if blocking::may_block() {
                        let native = || restart::kernel_call(&self.native);
                        return Some(blocking::begun(critical, || question.lead(), native));
                    }
                    question.pass_on();
                    return None;
                };
                let result = (self.attempt)();
                if result.is_some() || reason == Wake::Interrupted {
                    question.pass_on();
                }
                (result, reason)
            };
            if result.is_some() {
                return result;
            }
            if reason == Wake::Interrupted && self.fails(watch) {
                return Some(EINTR);
            }
        }
    }

    /// `None` if the kernel has to wait.
    fn for_any(&self, me: &'static Thread) -> Option<isize> {
        let watch = Watch::new(me);
        while any::watch() {
            let (result, reason) = {
                // Who has been woken looks, and wakes the next one, before a handler runs, which might
                // never return.
                let _critical = Critical::enter();
                let events = any::events();
                let mut result = (self.attempt)();
                let mut reason = None;
                if result.is_none() {
                    let nothing_new = || any::may_park(events).then_some(0);
                    reason = self.park(any::key(), nothing_new, any::ask);
                    result = (self.attempt)();
                }
                if result.is_some() {
                    any::pass_on();
                }
                (result, reason)
            };
            if result.is_some() {
                return result;
            }
            if reason == Some(Wake::Interrupted) && self.fails(watch) {
                return Some(EINTR);
            }
        }
        None
    }

    /// Waits for `fd`, the descriptor of a child, to say that this has ended. `None` if the kernel has to wait.
    fn at(&self, me: &'static Thread, fd: i32) -> Option<isize> {
        if !children::hears_of_tracing() {
            return None;
        }
        let operation = Operation::new(me, fd, Direction::Read)?;
        let result = operation.ended_by(self.cancellation).run(
            |entry, _| {
                let found = (self.attempt)().or_else(|| {
                    let is_kernels = tracing::is_tracing()
                        || !children::hears_of_tracing()
                        || look::is_ready(fd, Direction::Read);
                    // It may have ended between the two looks, or be somebody else's to wait for.
                    is_kernels.then(|| (self.attempt)().unwrap_or(IN_KERNEL))
                });
                if found.is_some() {
                    pass_on(entry, Direction::Read);
                }
                found.unwrap_or(EAGAIN)
            },
            &self.native,
        );
        Some(result)
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
