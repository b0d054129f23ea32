//! Which system calls change what the kernel keeps for the calling kernel thread, and which
//! of that it hands on to those that it makes. The same table is in docs/design.md, with the
//! reasons.
//!
//! What concerns the whole process is not here, nor what only reads.

use core::ffi::{c_int, c_long};
use core::sync::atomic::Ordering;

use libc::pid_t;

use crate::arch::system_call::syscall6;
use crate::glibc::tcb;
use crate::sched;
use crate::sched::children::tracing;
use crate::sched::deaths;
use crate::sched::kernel_state::{self, Change};
use crate::signal::{errand, system_call};
use crate::sys::{membarrier, user};
use crate::task::errand::ROOM;
use crate::task::{Thread, arguments, current, green_by_id, main_thread};
use crate::thread::{scheduling, timers};

/// Makes the system call `number`. Where it names a green thread the kernel hears of that
/// one's kernel thread, which is its own before anything of it changes.
///
/// # Safety
/// The arguments are valid for the system call.
pub unsafe fn run(number: c_long, arguments: [usize; 6]) -> isize {
    let named = target(number, &arguments).and_then(|place| green(arguments[place] as pid_t));
    // SAFETY: as the caller promises.
    unsafe {
        match named {
            Some(thread) => run_for(thread, number, arguments),
            None => run_here(number, arguments),
        }
    }
}

/// [`run`] for a call that names a thread, `thread`, which is green.
///
/// # Safety
/// As for [`run`].
pub unsafe fn run_for(thread: &'static Thread, number: c_long, mut arguments: [usize; 6]) -> isize {
    let Some(place) = target(number, &arguments) else {
        return -(libc::EINVAL as isize);
    };
    arguments[place] = 0;
    let changes = change(number, &arguments).is_some();
    // SAFETY: as the caller promises; `data` names what the call reads.
    let result = unsafe {
        if changes && thread.kernel_thread().is_none() && !thread.is(current()) {
            match data(number, &arguments) {
                Ok(data) => errand::ask(thread, number, arguments, data),
                Err(error) => -(error as isize),
            }
        } else {
            arguments[place] = kernel_state::kernel_thread(thread) as usize;
            run_here(number, arguments)
        }
    };
    if changes && result >= 0 && !thread.is_lent() {
        thread.set_distinct();
        if sets_policy(number) {
            scheduling::note(thread);
        }
    }
    result
}

/// [`run`] for the kernel's own threads.
///
/// # Safety
/// As for [`run`].
unsafe fn run_here(number: c_long, arguments: [usize; 6]) -> isize {
    if let Some(change) = change(number, &arguments) {
        kernel_state::before(change);
    }
    let [a, b, c, ..] = arguments;
    if filters(number, a) {
        membarrier::give_up();
        deaths::expect();
    }
    if number == libc::SYS_ptrace {
        tracing::begins(a as u32);
    }
    // SAFETY: as the caller promises.
    let result = unsafe {
        match number {
            libc::SYS_capget | libc::SYS_capset => capabilities(number, a, b),
            libc::SYS_timer_create => timers::with_kernel_id(b as *const libc::sigevent, |event| {
                syscall6(number, a, event.addr(), c, 0, 0, 0)
            }),
            // It returns the caller's id, which need not be the kernel thread's.
            libc::SYS_set_tid_address => match system_call::make(number, arguments) {
                0.. => super::attributes::gettid() as isize,
                error => error,
            },
            // Whoever can be cancelled anywhere can be here.
            _ => system_call::make(number, arguments),
        }
    };
    if sets_policy(number) && is(a, 0) && result == 0 && !current().is_lent() {
        scheduling::note(current());
    }
    result
}

/// Whether the call keeps the thread from making some system calls, or all threads: it may end
/// who makes one.
fn filters(number: c_long, first: usize) -> bool {
    match number {
        libc::SYS_seccomp => true,
        libc::SYS_prctl => is(first, libc::PR_SET_SECCOMP),
        _ => false,
    }
}

/// Whether the call gives a thread another policy or priority.
fn sets_policy(number: c_long) -> bool {
    matches!(
        number,
        libc::SYS_sched_setscheduler | libc::SYS_sched_setparam | libc::SYS_sched_setattr
    )
}

/// The green thread of that id; the kernel knows all others.
fn green(id: pid_t) -> Option<&'static Thread> {
    if !sched::is_running() || current().is_lent() {
        return None;
    }
    let is_main = || main_thread().is_some_and(|main| main.tid.load(Ordering::Relaxed) == id);
    (id >= tcb::FIRST_ID || is_main()).then(|| green_by_id(id))?
}

/// What a call that changes a thread's scheduling reads: which argument points to it, and
/// how many bytes. `EFAULT` if it cannot be read.
///
/// # Safety
/// The argument leads nowhere, or to what the call reads.
unsafe fn data(number: c_long, given: &[usize; 6]) -> Result<errand::Data, i32> {
    let (place, length) = match number {
        libc::SYS_sched_setaffinity => (2, given[1].min(ROOM)),
        libc::SYS_sched_setscheduler => (2, size_of::<libc::sched_param>()),
        libc::SYS_sched_setparam => (1, size_of::<libc::sched_param>()),
        // SAFETY: as the caller promises: the size comes first.
        libc::SYS_sched_setattr => (1, unsafe { attributes_size(given[1])? }),
        _ => return Ok(None),
    };
    if arguments::are_readable(given[place], length) {
        Ok(Some((place, length)))
    } else {
        Err(libc::EFAULT)
    }
}

/// How large the kernel's `struct sched_attr` at `place` is.
///
/// # Safety
/// `place` leads nowhere, or to such a structure.
unsafe fn attributes_size(place: usize) -> Result<usize, i32> {
    // <linux/sched/types.h>: 0 says that.
    const FIRST_SIZE: usize = 48;
    if !arguments::are_readable(place, size_of::<u32>()) {
        return Err(libc::EFAULT);
    }
    // SAFETY: just seen.
    match unsafe { (place as *const u32).read_unaligned() } as usize {
        0 => Ok(FIRST_SIZE),
        size if size <= ROOM => Ok(size),
        _ => Err(libc::E2BIG),
    }
}

/// Which argument is the id of a thread, where 0 is the caller.
fn target(number: c_long, arguments: &[usize; 6]) -> Option<usize> {
    match number {
        libc::SYS_sched_setaffinity
        | libc::SYS_sched_getaffinity
        | libc::SYS_sched_setscheduler
        | libc::SYS_sched_getscheduler
        | libc::SYS_sched_setparam
        | libc::SYS_sched_getparam
        | libc::SYS_sched_setattr
        | libc::SYS_sched_getattr
        | libc::SYS_sched_rr_get_interval
        | libc::SYS_get_robust_list => Some(0),
        libc::SYS_perf_event_open => Some(1),
        libc::SYS_setpriority | libc::SYS_getpriority if is(arguments[0], PRIO_PROCESS) => Some(1),
        libc::SYS_ioprio_set | libc::SYS_ioprio_get if is(arguments[0], IOPRIO_WHO_PROCESS) => {
            Some(1)
        }
        _ => None,
    }
}

// <sys/resource.h>, <linux/ioprio.h>
const PRIO_PROCESS: c_int = 0;
const IOPRIO_WHO_PROCESS: c_int = 1;
// <sys/personality.h>: a question.
const PERSONALITY_GET: c_int = -1;
// <linux/landlock.h>, Linux 7.0
const LANDLOCK_RESTRICT_SELF_TSYNC: usize = 1 << 3;

/// The kernel takes this argument for an `int`.
fn is(argument: usize, value: c_int) -> bool {
    argument as c_int == value
}

/// What the call changes of the calling kernel thread.
fn change(number: c_long, arguments: &[usize; 6]) -> Option<Change> {
    let [a, b, ..] = *arguments;
    match number {
        // Credentials (credentials(7), capabilities(7)). libc's functions for the first
        // seven are for all threads, and not this.
        libc::SYS_setuid
        | libc::SYS_setgid
        | libc::SYS_setreuid
        | libc::SYS_setregid
        | libc::SYS_setresuid
        | libc::SYS_setresgid
        | libc::SYS_setgroups
        | libc::SYS_capset => Some(Change::Inherited),
        // -1 is how to ask.
        libc::SYS_setfsuid | libc::SYS_setfsgid if is(a, -1) => None,
        libc::SYS_setfsuid | libc::SYS_setfsgid => Some(Change::Inherited),
        libc::SYS_add_key | libc::SYS_request_key => Some(Change::Inherited),
        libc::SYS_keyctl => key_change(a as c_int),
        SYS_LSM_SET_SELF_ATTR => Some(Change::Inherited),

        // Restrictions: of the thread, or of all.
        libc::SYS_seccomp => seccomp_change(a, b),
        libc::SYS_landlock_restrict_self if b & LANDLOCK_RESTRICT_SELF_TSYNC != 0 => None,
        libc::SYS_landlock_restrict_self => Some(Change::Inherited),
        libc::SYS_prctl => prctl_change(a as c_int, b),

        // Scheduling (sched(7), ioprio_set(2), numa(7)): 0 is the caller.
        libc::SYS_sched_setaffinity
        | libc::SYS_sched_setscheduler
        | libc::SYS_sched_setparam
        | libc::SYS_sched_setattr => is(a, 0).then_some(Change::Inherited),
        libc::SYS_setpriority => (is(a, PRIO_PROCESS) && is(b, 0)).then_some(Change::Inherited),
        libc::SYS_ioprio_set => {
            (is(a, IOPRIO_WHO_PROCESS) && is(b, 0)).then_some(Change::Inherited)
        }
        libc::SYS_set_mempolicy => Some(Change::Inherited),

        // Namespaces, and what is shared with the other threads. (`unshare` has more to do.)
        libc::SYS_setns => Some(Change::Inherited),

        // Execution domain, and registers that a switch leaves alone.
        libc::SYS_personality if is(a, PERSONALITY_GET) => None,
        libc::SYS_personality | libc::SYS_iopl | libc::SYS_ioperm | libc::SYS_pkey_alloc => {
            Some(Change::Inherited)
        }
        libc::SYS_arch_prctl => arch_change(a),

        // Relations with others: the kernel knows tracers, events, rings by the thread.
        libc::SYS_ptrace
        | libc::SYS_rseq
        | libc::SYS_set_robust_list
        | libc::SYS_set_tid_address
        | libc::SYS_io_uring_setup
        | libc::SYS_io_uring_enter
        | libc::SYS_io_uring_register => Some(Change::Own),
        libc::SYS_perf_event_open => is(b, 0).then_some(Change::Inherited),
        libc::SYS_timer_create => is(a, libc::CLOCK_THREAD_CPUTIME_ID).then_some(Change::Own),
        _ => None,
    }
}

/// `lsm_set_self_attr(2)`, Linux 6.8.
const SYS_LSM_SET_SELF_ATTR: c_long = 460;

/// `seccomp(2)`: a filter for all threads is not the thread's own.
fn seccomp_change(operation: usize, flags: usize) -> Option<Change> {
    const STRICT: c_int = libc::SECCOMP_SET_MODE_STRICT as c_int;
    const FILTER: c_int = libc::SECCOMP_SET_MODE_FILTER as c_int;
    let for_all = flags & libc::SECCOMP_FILTER_FLAG_TSYNC as usize != 0;
    match operation as c_int {
        STRICT => Some(Change::Inherited),
        FILTER if !for_all => Some(Change::Inherited),
        _ => None,
    }
}

/// `keyctl(2)`: what only looks at a key may still make the special keyrings that it names,
/// which hang on the thread's credentials.
fn key_change(operation: c_int) -> Option<Change> {
    // <linux/keyctl.h>: reading, describing, using a key by its number.
    const DESCRIBE: c_int = 6;
    const READ: c_int = 11;
    const GET_SECURITY: c_int = 17;
    const DH_COMPUTE: c_int = 23;
    const PKEY_VERIFY: c_int = 28;
    const CAPABILITIES: c_int = 31;
    match operation {
        DESCRIBE | READ | GET_SECURITY | DH_COMPUTE..=PKEY_VERIFY | CAPABILITIES => None,
        _ => Some(Change::Inherited),
    }
}

/// `prctl(2)`.
fn prctl_change(option: c_int, argument: usize) -> Option<Change> {
    // <linux/prctl.h>; the libc crate lacks them.
    const SET_IO_FLUSHER: c_int = 57;
    const SET_SYSCALL_USER_DISPATCH: c_int = 59;
    match option {
        // Cleared in a new thread.
        libc::PR_SET_PDEATHSIG
        | libc::PR_TASK_PERF_EVENTS_DISABLE
        | libc::PR_TASK_PERF_EVENTS_ENABLE
        | SET_SYSCALL_USER_DISPATCH => Some(Change::Own),
        libc::PR_CAP_AMBIENT if is(argument, libc::PR_CAP_AMBIENT_IS_SET) => None,
        libc::PR_SCHED_CORE if is(argument, libc::PR_SCHED_CORE_GET) => None,
        libc::PR_SET_KEEPCAPS
        | libc::PR_SET_SECUREBITS
        | libc::PR_CAPBSET_DROP
        | libc::PR_CAP_AMBIENT
        | libc::PR_SET_NO_NEW_PRIVS
        | libc::PR_SET_SECCOMP
        | libc::PR_SET_TIMERSLACK
        | libc::PR_SET_TSC
        | libc::PR_MCE_KILL
        | libc::PR_SET_SPECULATION_CTRL
        | libc::PR_SCHED_CORE
        | SET_IO_FLUSHER => Some(Change::Inherited),
        _ => None,
    }
}

/// `arch_prctl(2)`. (`ARCH_SET_FS` changes who the caller is.)
fn arch_change(code: usize) -> Option<Change> {
    // <asm/prctl.h>
    const SET_GS: c_int = 0x1001;
    const SET_CPUID: c_int = 0x1012;
    const SHADOW_STACK: c_int = 0x5001;
    const SHADOW_STACK_STATUS: c_int = 0x5005;
    match code as c_int {
        SET_GS | SET_CPUID | SHADOW_STACK..SHADOW_STACK_STATUS => Some(Change::Inherited),
        _ => None,
    }
}

/// The kernel's `struct __user_cap_header_struct`.
#[repr(C)]
#[derive(Clone, Copy)]
struct CapabilityHeader {
    version: u32,
    id: pid_t,
}

/// `capget(2)`, `capset(2)`: the id is in memory.
///
/// # Safety
/// As for the system call.
unsafe fn capabilities(number: c_long, header: usize, data: usize) -> isize {
    let place = header as *mut CapabilityHeader;
    // SAFETY: as the caller promises; a bad address is the kernel's to refuse.
    unsafe {
        let given = user::is_readable(place).then(|| place.read_unaligned());
        let Some((given, thread)) = given.and_then(|given| Some((given, green(given.id)?))) else {
            return syscall6(number, header, data, 0, 0, 0, 0);
        };
        let id = kernel_state::kernel_thread(thread);
        let mut own = CapabilityHeader { id, ..given };
        let result = syscall6(number, (&raw mut own).addr(), data, 0, 0, 0, 0);
        // The kernel says which version it wants.
        (&raw mut (*place).version).write_unaligned(own.version);
        result
    }
}
