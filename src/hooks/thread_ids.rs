//! Ids of threads: the caller's, and those that stand for their process in calls about processes. The
//! kernel does not know those of green threads.

use core::ffi::{c_long, c_ulong};
use core::sync::atomic::Ordering;

use libc::{iovec, pid_t, ssize_t};

use super::symbol::{alias, check};
use crate::glibc::real::real;
use crate::glibc::tcb;
use crate::sys::raw::syscall;
use crate::task::{current, green_by_id, green_or_wired};

/// `id`, or this process's if it is that of a green thread.
pub(super) fn process_of(id: pid_t) -> pid_t {
    if id >= tcb::FIRST_ID && !current().is_lent() && green_by_id(id).is_some() {
        // SAFETY: no arguments.
        return unsafe { syscall!(SYS_getpid) } as pid_t;
    }
    id
}

/// `arguments` of the system call `number` as the kernel understands them.
pub(super) fn understood(number: c_long, mut arguments: [usize; 6]) -> [usize; 6] {
    let ids = match number {
        libc::SYS_getpgid
        | libc::SYS_getsid
        | libc::SYS_process_vm_readv
        | libc::SYS_process_vm_writev => 1,
        libc::SYS_kcmp => 2,
        _ => 0,
    };
    for id in &mut arguments[..ids] {
        *id = process_of(*id as pid_t) as usize;
    }
    arguments
}

/// `gettid(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn gettid() -> pid_t {
    match green_or_wired() {
        Some(me) => me.tid.load(Ordering::Relaxed),
        // SAFETY: no arguments.
        None => unsafe { syscall!(SYS_gettid) as pid_t },
    }
}
check!(gettid());

/// `getpgid(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn getpgid(process: pid_t) -> pid_t {
    let real = real!(getpgid(_));
    // SAFETY: no preconditions.
    unsafe { real(process_of(process)) }
}
check!(getpgid(_));

alias!(__getpgid = getpgid);

/// `getsid(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn getsid(process: pid_t) -> pid_t {
    let real = real!(getsid(_));
    // SAFETY: no preconditions.
    unsafe { real(process_of(process)) }
}
check!(getsid(_));

/// `process_vm_readv(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn process_vm_readv(
    process: pid_t,
    own: *const iovec,
    own_count: c_ulong,
    others: *const iovec,
    others_count: c_ulong,
    flags: c_ulong,
) -> ssize_t {
    let real = real!(process_vm_readv(_, _, _, _, _, _));
    let process = process_of(process);
    // SAFETY: as the caller promises.
    unsafe { real(process, own, own_count, others, others_count, flags) }
}
check!(process_vm_readv(_, _, _, _, _, _));

/// `process_vm_writev(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn process_vm_writev(
    process: pid_t,
    own: *const iovec,
    own_count: c_ulong,
    others: *const iovec,
    others_count: c_ulong,
    flags: c_ulong,
) -> ssize_t {
    let real = real!(process_vm_writev(_, _, _, _, _, _));
    let process = process_of(process);
    // SAFETY: as the caller promises.
    unsafe { real(process, own, own_count, others, others_count, flags) }
}
check!(process_vm_writev(_, _, _, _, _, _));
