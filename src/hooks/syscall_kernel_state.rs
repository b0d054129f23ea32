//! System calls that [change](super::syscall_changes) what the kernel keeps for a kernel thread: the
//! thread that they are about has one to itself before, and is the one that the kernel hears of.

use core::ffi::c_long;
use core::sync::atomic::Ordering;

use libc::pid_t;

use super::syscall_changes::{change, filters, is, sets_policy, target};
use crate::arch::system_call::syscall6;
use crate::glibc::tcb;
use crate::sched;
use crate::sched::children::tracing;
use crate::sched::deaths;
use crate::sched::kernel_state;
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
            libc::SYS_timer_create => {
                timers::create(a as i32, b as *const libc::sigevent, |event| {
                    syscall6(number, a, event.addr(), c, 0, 0, 0)
                })
            }
            // It returns the caller's id, which need not be the kernel thread's.
            libc::SYS_set_tid_address => match system_call::make(number, arguments) {
                0.. => super::thread_ids::gettid() as isize,
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
