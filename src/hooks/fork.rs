//! `fork` and its kin.

use core::ffi::{c_int, c_void};
use core::mem;
use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering};

use libc::pid_t;

use super::symbol::{alias, check};
use crate::arch::vfork::vfork_frame;
use crate::glibc::real::real;
use crate::hub::{self, descriptor, fifos, place};
use crate::runtime;
use crate::sched::children::{makers, tracing};
use crate::sched::{self, kernel_thread, lend};
use crate::sys::raw::syscall;
use crate::sys::sigmask;
use crate::task::{Critical, Kind, current};
use crate::thread::exit;

/// What glibc calls around a fork.
type Handler = Option<unsafe extern "C" fn()>;

/// What `clone` has the child run.
type Start = unsafe extern "C-unwind" fn(*mut c_void) -> c_int;

/// What a child made by `clone` begins with.
struct Begin {
    start: Start,
    argument: *mut c_void,
    shares_files: bool,
}

/// Runs first in such a child, if that has a copy of the memory.
unsafe extern "C-unwind" fn run(begin: *mut c_void) -> c_int {
    // SAFETY: passed by `clone`, and copied with the rest of the memory.
    unsafe {
        let begin = begin.cast::<Begin>().read();
        put_in_order(begin.shares_files);
        let status = (begin.start)(begin.argument);
        // libc ends the kernel thread, which was all that there is.
        if exit::is_alone() {
            syscall!(SYS_exit_group, status);
        }
        let me = current();
        if me.kind() == Kind::Green {
            exit::finish(me)
        }
        exit::uncount();
        syscall!(SYS_exit, status);
        unreachable!("the kernel does not return from exit")
    }
}

/// A forked child keeps it: libc keeps its handlers there.
static REGISTERED: AtomicBool = AtomicBool::new(false);

/// Right before a fork: both processes have every open file from here on. Until each
/// has put its state in order no signal is handled: in the child one would be handed to
/// a thread that is not there. Nor does the thread park where libc takes its own locks: it
/// would go on with its usual mask.
#[unsafe(link_section = "green_fork")]
unsafe extern "C" fn prepare() {
    mem::forget(Critical::enter());
    makers::begin();
    let me = current();
    me.mask_at_fork.set(sigmask::replace(!0));
    descriptor::share_all();
    me.holds_hub_at_fork.set(hub::before_fork());
    if sched::is_running() && !me.is_lent() {
        tracing::before_fork();
    }
}

#[unsafe(link_section = "green_fork")]
unsafe extern "C" fn in_parent() {
    let me = current();
    hub::after_fork(me.holds_hub_at_fork.get());
    // What was made after the first moment and before the fork is shared, too.
    descriptor::share_all();
    sigmask::set(me.mask_at_fork.get());
    me.leave_critical();
}

/// Makes the child's state that of a process with one thread.
#[unsafe(link_section = "green_fork")]
unsafe extern "C" fn in_child() {
    // SAFETY: as the caller promises.
    unsafe { put_in_order(false) };
}

/// [`in_child`]; `shares_files`: with the parent, to which the hub belongs.
///
/// # Safety
/// A forked child has one thread.
#[unsafe(link_section = "green_fork")]
unsafe fn put_in_order(shares_files: bool) {
    let me = current();
    kernel_thread::set_name_in_child(me);
    // What waits for the parent does not wait for the child.
    let withheld = me.mask.release() & !me.mask.get();
    hub::after_fork(me.holds_hub_at_fork.get());
    if shares_files {
        place::forget();
        fifos::forget();
    }
    // SAFETY: a forked child has one thread.
    unsafe { runtime::reset_in_child() };
    sigmask::set(me.mask_at_fork.get() & !withheld);
    // A thread that was green is in no critical section any more.
    if me.is_critical() {
        me.leave_critical();
    }
}

/// Has glibc call us last before every fork, also one of its own (`daemon`, `forkpty`),
/// and first after it: handlers of `pthread_atfork` come in the order of registration in
/// the child, where the program's own unlock mutexes, and must not hand them to waiters
/// who do not exist there.
pub fn register_first() {
    if !REGISTERED.swap(true, Ordering::Relaxed) {
        let real = real!(__register_atfork(_, _, _, _));
        // SAFETY: functions of that type, for the life of the process.
        unsafe {
            real(
                Some(prepare),
                Some(in_parent),
                Some(in_child),
                ptr::null_mut(),
            )
        };
    }
}

/// Makes a child by `call`, which runs no handlers.
///
/// # Safety
/// `call` returns 0 in the child, which has a copy of the memory, and something else in
/// the parent.
pub unsafe fn without_handlers<R: Copy + PartialEq + From<bool>>(
    shares_files: bool,
    call: impl FnOnce() -> R,
) -> R {
    // SAFETY: around a fork.
    unsafe {
        prepare();
        let child = call();
        if child == R::from(false) {
            put_in_order(shares_files);
        } else {
            in_parent();
        }
        child
    }
}

/// What `pthread_atfork(3)` calls (glibc, nptl/pthread_atfork.c). Constructors
/// of other libraries may come here before our own.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn __register_atfork(
    prepare: Handler,
    parent: Handler,
    child: Handler,
    object: *mut c_void,
) -> c_int {
    register_first();
    let real = real!(__register_atfork(_, _, _, _));
    // SAFETY: as the caller promises.
    unsafe { real(prepare, parent, child, object) }
}

/// `clone(2)`. What gets a copy of the memory is a fork; what shares it until it executes a program
/// has the caller's TCB, as a child of `vfork` has.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn clone(
    start: Option<Start>,
    stack: *mut c_void,
    flags: c_int,
    argument: *mut c_void,
    parent_id: *mut pid_t,
    tls: *mut c_void,
    child_id: *mut pid_t,
) -> c_int {
    let real = real!(clone(_, _, _, _, _, _, _));
    let of_its_own = libc::CLONE_FILES | libc::CLONE_SETTLS | libc::CLONE_THREAD;
    // SAFETY: as the caller promises; `begin` lives until the child has returned, or
    // is copied.
    unsafe {
        match start {
            Some(start) if flags & libc::CLONE_VM == 0 => {
                let mut begin = Begin {
                    start,
                    argument,
                    shares_files: flags & libc::CLONE_FILES != 0,
                };
                prepare();
                let child = real(
                    Some(run),
                    stack,
                    flags,
                    (&raw mut begin).cast(),
                    parent_id,
                    tls,
                    child_id,
                );
                in_parent();
                makers::know(child);
                child
            }
            _ if flags & (libc::CLONE_VFORK | of_its_own) == libc::CLONE_VFORK => {
                let before = lend::lend();
                let child = real(start, stack, flags, argument, parent_id, tls, child_id);
                lend::take_back(before);
                makers::know(child);
                child
            }
            _ => real(start, stack, flags, argument, parent_id, tls, child_id),
        }
    }
}

check!(clone(_, _, _, _; _, _, _));

alias!(__clone = clone);

/// `fork(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(link_section = "green_fork")]
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn fork() -> pid_t {
    let real = real!(fork());
    // SAFETY: as the caller promises.
    let child = unsafe { real() };
    if child != 0 {
        makers::know(child);
    }
    child
}
check!(fork());

alias!(__fork = fork);

/// glibc's fork without handlers; async-signal-safe.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn _Fork() -> pid_t {
    let real = real!(_Fork());
    // SAFETY: `_Fork` is a fork.
    let child = unsafe { without_handlers(false, || real()) };
    if child != 0 {
        makers::know(child);
    }
    child
}

/// `vfork(2)`.
///
/// The child runs on this very stack and returns first.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn vfork() -> pid_t {
    vfork_frame!(lend::lend, lend::return_from_vfork)
}

alias!(__vfork = vfork);
