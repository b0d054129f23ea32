//! Scheduling policies and priorities, which belong to kernel threads.
//!
//! A green thread runs under the policy that the process had at the first `pthread_create`,
//! as all workers do. One that is to have another is wired, or a kernel thread from the
//! beginning, and so are the threads that it creates.

use core::sync::atomic::{AtomicI32, Ordering};

use libc::sched_param;

use crate::glibc::real::real;
use crate::sched::kernel_state::{self, Change};
use crate::sched::tie;
use crate::signal::errand;
use crate::sys::raw::syscall;
use crate::task::{Thread, current};

/// A policy, and a priority that is 0 but for real-time policies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Scheduling {
    /// `SCHED_OTHER` and so on.
    pub policy: i32,
    /// As in `sched_param`.
    pub priority: i32,
}

/// Those of the workers. A forked child keeps them until they are noted anew.
static POLICY: AtomicI32 = AtomicI32::new(libc::SCHED_OTHER);
/// A forked child keeps it likewise.
static PRIORITY: AtomicI32 = AtomicI32::new(0);

/// <linux/sched.h>: children of the thread begin with the default policy.
const RESET_ON_FORK: i32 = 0x4000_0000;

/// Workers are going to run as the caller does, unless its children do not: then it stays what it is
/// on its own kernel thread.
pub fn note_workers() {
    let own = of_kernel_thread(0).unwrap_or(Scheduling::DEFAULT);
    let inherited = match own.policy & RESET_ON_FORK {
        0 => own,
        _ => {
            kernel_state::before(Change::Own);
            Scheduling::DEFAULT
        }
    };
    POLICY.store(inherited.policy, Ordering::Relaxed);
    PRIORITY.store(inherited.priority, Ordering::Relaxed);
}

/// What the workers, and the green threads on them, run under.
pub fn of_workers() -> Scheduling {
    Scheduling {
        policy: POLICY.load(Ordering::Relaxed),
        priority: PRIORITY.load(Ordering::Relaxed),
    }
}

/// That of the kernel thread `id`, 0 for the caller; or an errno.
pub fn of_kernel_thread(id: i32) -> Result<Scheduling, i32> {
    let mut parameters = sched_param { sched_priority: 0 };
    // SAFETY: the parameters are writable.
    let (policy, result) = unsafe {
        (
            syscall!(SYS_sched_getscheduler, id),
            syscall!(SYS_sched_getparam, id, &raw mut parameters),
        )
    };
    match policy.min(result) {
        error @ ..0 => Err(-error as i32),
        _ => Ok(Scheduling {
            policy: policy as i32,
            priority: parameters.sched_priority,
        }),
    }
}

/// What `thread`, which is green, runs under; or an error number.
pub fn of(thread: &Thread) -> Result<Scheduling, i32> {
    if thread.life.is_over() {
        return Err(libc::ESRCH);
    }
    thread
        .kernel_thread()
        .map_or_else(|| Ok(of_workers()), of_kernel_thread)
}

/// Has `thread`, which is green, run under `wanted`: 0 or an error number.
pub fn set(thread: &'static Thread, wanted: Scheduling) -> i32 {
    if thread.life.is_over() {
        return libc::ESRCH;
    }
    if !wanted.is_valid() {
        return libc::EINVAL;
    }
    let id = thread.kernel_thread();
    if id.is_none() && wanted == of_workers() {
        return 0;
    }
    let result = match id {
        _ if thread.is(current()) => {
            kernel_state::before(Change::Inherited);
            set_own(wanted)
        }
        Some(id) => -wanted.give_to(id) as i32,
        None => {
            let parameters = wanted.parameters();
            let place = (&raw const parameters).addr();
            let arguments = [0, wanted.policy as usize, place, 0, 0, 0];
            let data = Some((2, size_of::<sched_param>()));
            // SAFETY: the parameters are readable.
            -unsafe { errand::ask(thread, libc::SYS_sched_setscheduler, arguments, data) as i32 }
        }
    };
    if result == 0 {
        thread.set_distinct();
        thread.set_rank(wanted.rank());
    }
    result
}

/// [`set`] for the caller, which is wired. glibc remembers it, for mutexes with a priority
/// ceiling.
fn set_own(wanted: Scheduling) -> i32 {
    type Real = unsafe extern "C" fn(libc::pthread_t, i32, *const sched_param) -> i32;
    let real = real!(pthread_setschedparam: Real);
    let parameters = wanted.parameters();
    tie::known(
        // SAFETY: the caller's id; the parameters are readable.
        || unsafe { real(libc::pthread_self(), wanted.policy, &parameters) },
        |_| tie::Change::None,
    )
}

/// The caller, which is green, ends. What glibc remembers of it the husk's next thread must
/// not have.
pub fn forget() {
    if current().is_wired() {
        set_own(of_workers());
    }
}

/// Notes the place of `thread`, whose kernel thread is its own, among those who wait.
pub fn note(thread: &Thread) {
    let now = if thread.is(current()) {
        of_kernel_thread(0)
    } else {
        of(thread)
    };
    if let Ok(now) = now {
        thread.set_rank(now.rank());
    }
}

impl Scheduling {
    const DEFAULT: Self = Self {
        policy: libc::SCHED_OTHER,
        priority: 0,
    };

    /// Gives it to the kernel thread `id`, 0 for the caller: 0 or `-errno`.
    fn give_to(self, id: i32) -> isize {
        let parameters = self.parameters();
        // SAFETY: the parameters are readable.
        unsafe {
            syscall!(
                SYS_sched_setscheduler,
                id,
                self.policy,
                &raw const parameters
            )
        }
    }

    fn parameters(self) -> sched_param {
        sched_param {
            sched_priority: self.priority,
        }
    }

    /// The place among those who wait for the same thing: the kernel wakes real-time threads
    /// by their priority, and all others after them.
    pub fn rank(self) -> u8 {
        u8::try_from(self.priority).unwrap_or(0)
    }

    /// Whether the policy has such a priority.
    fn is_valid(self) -> bool {
        let policy = self.policy & !RESET_ON_FORK;
        // SAFETY: no memory is involved.
        let (least, most) = unsafe {
            (
                syscall!(SYS_sched_get_priority_min, policy) as i32,
                syscall!(SYS_sched_get_priority_max, policy) as i32,
            )
        };
        least >= 0 && (least..=most).contains(&self.priority)
    }
}
