//! libc's functions for what the kernel keeps for each of its threads.

use core::ffi::{c_int, c_long, c_uint, c_ulong, c_void};

use libc::{cpu_set_t, gid_t, id_t, pid_t, sched_param, size_t, timespec, uid_t};

use super::symbol::{alias, check};
use super::syscall_kernel_state::run;
use crate::glibc::real::real;
use crate::ops::numbers;
use crate::sched::children::tracing;
use crate::sched::kernel_state::{self, Change};
use crate::sys::errno;
use crate::thread::timers;

/// Hooks that are the system call of that number.
macro_rules! calls {
    ($($(#[$meta:meta])* fn $name:ident($($argument:ident: $type:ty),*) = $number:ident;)*) => {
        $(
            $(#[$meta])*
            ///
            /// # Safety
            /// As libc's function of the same name.
            #[unsafe(no_mangle)]
            pub unsafe extern "C-unwind" fn $name($($argument: $type),*) -> c_int {
                let mut arguments = [0; 6];
                for (place, argument) in arguments.iter_mut().zip([$($argument as usize),*]) {
                    *place = argument;
                }
                // SAFETY: as the caller promises.
                errno::to_libc(unsafe { run(libc::$number, arguments) }) as c_int
            }
        )*
    };
}

calls! {
    /// `setfsuid(2)`.
    fn setfsuid(user: uid_t) = SYS_setfsuid;
    /// `setfsgid(2)`.
    fn setfsgid(group: gid_t) = SYS_setfsgid;
    /// `capset(2)`.
    fn capset(header: *mut c_void, data: *const c_void) = SYS_capset;
    /// `capget(2)`.
    fn capget(header: *mut c_void, data: *mut c_void) = SYS_capget;
    /// `personality(2)`.
    fn personality(persona: c_ulong) = SYS_personality;
    /// `iopl(2)`.
    fn iopl(level: c_int) = SYS_iopl;
    /// `ioperm(2)`.
    fn ioperm(from: c_ulong, count: c_ulong, on: c_int) = SYS_ioperm;
    /// `arch_prctl(2)`.
    fn arch_prctl(code: c_int, address: c_ulong) = SYS_arch_prctl;
    /// `pkey_alloc(2)`.
    fn pkey_alloc(flags: c_uint, rights: c_uint) = SYS_pkey_alloc;
    /// `setns(2)`.
    fn setns(fd: c_int, kind: c_int) = SYS_setns;
    /// `setpriority(2)`.
    fn setpriority(which: c_uint, who: id_t, priority: c_int) = SYS_setpriority;
    /// `sched_setaffinity(2)`.
    fn sched_setaffinity(id: pid_t, size: size_t, set: *const cpu_set_t) = SYS_sched_setaffinity;
    /// `sched_setscheduler(2)`.
    fn sched_setscheduler(id: pid_t, policy: c_int, parameters: *const sched_param) = SYS_sched_setscheduler;
    /// `sched_getscheduler(2)`.
    fn sched_getscheduler(id: pid_t) = SYS_sched_getscheduler;
    /// `sched_setparam(2)`.
    fn sched_setparam(id: pid_t, parameters: *const sched_param) = SYS_sched_setparam;
    /// `sched_getparam(2)`.
    fn sched_getparam(id: pid_t, parameters: *mut sched_param) = SYS_sched_getparam;
    /// `sched_rr_get_interval(2)`.
    fn sched_rr_get_interval(id: pid_t, interval: *mut timespec) = SYS_sched_rr_get_interval;
    /// `sched_setattr(2)`; glibc 2.41.
    fn sched_setattr(id: pid_t, attributes: *mut c_void, flags: c_uint) = SYS_sched_setattr;
    /// `sched_getattr(2)`; glibc 2.41.
    fn sched_getattr(id: pid_t, attributes: *mut c_void, size: c_uint, flags: c_uint) = SYS_sched_getattr;
}
check!(setfsuid(_));
check!(setfsgid(_));
check!(personality(_));
check!(iopl(_));
check!(ioperm(_, _, _));
check!(setns(_, _));
check!(setpriority(_, _, _));
check!(sched_setaffinity(_, _, _));
check!(sched_setscheduler(_, _, _));
check!(sched_getscheduler(_));
check!(sched_setparam(_, _));
check!(sched_getparam(_, _));
check!(sched_rr_get_interval(_, _));

alias!(__arch_prctl = arch_prctl);
alias!(__sched_setscheduler = sched_setscheduler);
alias!(__sched_getscheduler = sched_getscheduler);
alias!(__sched_getparam = sched_getparam);

/// `sched_getaffinity(2)`: glibc clears what the kernel leaves.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sched_getaffinity(
    id: pid_t,
    size: size_t,
    set: *mut cpu_set_t,
) -> c_int {
    let arguments = [
        id as usize,
        size.min(c_int::MAX as usize),
        set as usize,
        0,
        0,
        0,
    ];
    // SAFETY: as the caller promises.
    match unsafe { run(libc::SYS_sched_getaffinity, arguments) } {
        error @ ..0 => errno::to_libc(error) as c_int,
        written => {
            let written = written as usize;
            // SAFETY: as the caller promises: `size` bytes.
            unsafe { set.cast::<u8>().add(written).write_bytes(0, size - written) };
            0
        }
    }
}
check!(sched_getaffinity(_, _, _));

/// `getpriority(2)`: the kernel returns what is never negative.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn getpriority(which: c_uint, who: id_t) -> c_int {
    // SAFETY: no memory is involved.
    match unsafe {
        run(
            libc::SYS_getpriority,
            [which as usize, who as usize, 0, 0, 0, 0],
        )
    } {
        error @ ..0 => errno::to_libc(error) as c_int,
        shifted => 20 - shifted as c_int,
    }
}
check!(getpriority(_, _));

/// `nice(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn nice(increment: c_int) -> c_int {
    kernel_state::before(Change::Inherited);
    let real = real!(nice(_));
    // SAFETY: no preconditions.
    unsafe { real(increment) }
}
check!(nice(_));

/// `ptrace(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn ptrace(
    request: c_uint,
    id: pid_t,
    address: *mut c_void,
    data: *mut c_void,
) -> c_long {
    kernel_state::before(Change::Own);
    tracing::begins(request);
    let real = real!(ptrace(_, _, _, _));
    // SAFETY: as the caller promises.
    unsafe { real(request, id, address, data) }
}
check!(ptrace(_; _, _, _));

/// `pkey_set(3)`: a register, which a switch leaves alone.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pkey_set(key: c_int, rights: c_uint) -> c_int {
    kernel_state::before(Change::Inherited);
    let real = real!(pkey_set(_, _));
    // SAFETY: as the caller promises.
    unsafe { real(key, rights) }
}

/// `timer_create(2)`: of the calling thread's CPU time, or of another clock.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn timer_create(
    clock: c_int,
    event: *mut libc::sigevent,
    place: *mut libc::timer_t,
) -> c_int {
    if clock == libc::CLOCK_THREAD_CPUTIME_ID {
        kernel_state::before(Change::Own);
    }
    let real = real!(timer_create @ "GLIBC_2.34" (_, _, _));
    // SAFETY: as the caller promises; libc does not write to the event.
    unsafe { timers::create(clock, event, |event| real(clock, event.cast_mut(), place)) }
}
check!(timer_create(_, _, _));

/// `unshare(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn unshare(flags: c_int) -> c_int {
    errno::to_libc(numbers::unshare(flags)) as c_int
}
check!(unshare(_));
