//! Which system calls change what the kernel keeps for the calling kernel thread, and which
//! of that it hands on to those that it makes. The same table is in docs/design.md, with the
//! reasons.
//!
//! What concerns the whole process is not here, nor what only reads.

use core::ffi::{c_int, c_long};

use crate::sched::kernel_state::Change;

// <sys/resource.h>, <linux/ioprio.h>
const PRIO_PROCESS: c_int = 0;
const IOPRIO_WHO_PROCESS: c_int = 1;
// <sys/personality.h>: a question.
const PERSONALITY_GET: c_int = -1;
// <linux/landlock.h>, Linux 7.0
const LANDLOCK_RESTRICT_SELF_TSYNC: usize = 1 << 3;

/// The kernel takes this argument for an `int`.
pub(super) fn is(argument: usize, value: c_int) -> bool {
    argument as c_int == value
}

/// Which argument is the id of a thread, where 0 is the caller.
pub(super) fn target(number: c_long, arguments: &[usize; 6]) -> Option<usize> {
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

/// What the call changes of the calling kernel thread.
pub(super) fn change(number: c_long, arguments: &[usize; 6]) -> Option<Change> {
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
        libc::SYS_futex => futex_change(b as c_int),
        libc::SYS_perf_event_open => is(b, 0).then_some(Change::Inherited),
        libc::SYS_timer_create => is(a, libc::CLOCK_THREAD_CPUTIME_ID).then_some(Change::Own),
        _ => None,
    }
}

/// `futex(2)`: of those that processes may share the kernel knows the owner, by the kernel thread.
fn futex_change(operation: c_int) -> Option<Change> {
    let command = operation & !libc::FUTEX_CLOCK_REALTIME;
    // None of these has `FUTEX_PRIVATE_FLAG`.
    matches!(
        command,
        libc::FUTEX_LOCK_PI
            | libc::FUTEX_LOCK_PI2
            | libc::FUTEX_TRYLOCK_PI
            | libc::FUTEX_WAIT_REQUEUE_PI
    )
    .then_some(Change::Own)
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

/// Whether the call keeps the thread from making some system calls, or all threads: it may end
/// who makes one.
pub(super) fn filters(number: c_long, first: usize) -> bool {
    match number {
        libc::SYS_seccomp => true,
        libc::SYS_prctl => is(first, libc::PR_SET_SECCOMP),
        _ => false,
    }
}

/// Whether the call gives a thread another policy or priority.
pub(super) fn sets_policy(number: c_long) -> bool {
    matches!(
        number,
        libc::SYS_sched_setscheduler | libc::SYS_sched_setparam | libc::SYS_sched_setattr
    )
}
