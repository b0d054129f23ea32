//! The end of a green thread.

use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicIsize, Ordering};

use libc::pthread_key_t;

use super::{husk, join, keys, main_thread, scheduling};
use crate::arch::entry::protected_call;
use crate::glibc::{resolver, resolver_context, tls};
use crate::hub::descriptor::holds;
use crate::sched::{event_loop, kernel_thread, park, tie};
use crate::signal::send::give_back;
use crate::signal::{cancel, errand, mask};
use crate::sys::in_child::{in_child, restore};
use crate::sys::raw::syscall;
use crate::sys::sanitizers;
use crate::task::life::Exit;
use crate::task::lookup::Lookup;
use crate::task::{Kind, Thread, all_husks, current};
use crate::wait::QUEUES;

unsafe extern "C-unwind" {
    /// glibc: runs the destructors of C++'s and Rust's `thread_local`s.
    fn __call_tls_dtors();
}

unsafe extern "C" {
    fn __h_errno_location() -> *mut i32;
}

/// Threads of the program that have not ended, as far as libgreen knows them: those that it has
/// made, beside the process's first one, which makes this -1 when it ends as the last one. A forked
/// child counts anew.
static OTHERS: AtomicIsize = AtomicIsize::new(0);

/// A thread of the program has come to life.
pub fn count_in() {
    OTHERS.fetch_add(1, Ordering::Relaxed);
}

/// A thread that was counted in has not come to life after all.
pub fn uncount() {
    OTHERS.fetch_sub(1, Ordering::Relaxed);
}

/// Whether the calling thread is the program's only one.
pub fn is_alone() -> bool {
    OTHERS.load(Ordering::Relaxed) <= 0
}

/// A thread of the program has run its course: the last one to do so ends the
/// process (`pthread_exit(3)`). Not called by threads that still have to run
/// code of the program.
pub fn count_out() {
    if is_last_out() {
        // SAFETY: as natively, the last thread exits the process.
        unsafe { libc::exit(0) }
    }
}

/// [`count_out`] for who ends the process itself, if that is due.
fn is_last_out() -> bool {
    // AcqRel: the last one sees everything that the others did.
    let is_last = OTHERS.fetch_sub(1, Ordering::AcqRel) == 0;
    // Where there are no husks glibc's own count is right, and it knows of more threads.
    is_last && (all_husks().next().is_some() || current().is_husk())
}

/// Back to one thread, in a forked child.
fn reset() {
    restore(&OTHERS, 0);
}

in_child!(always reset);

/// Runs the destructors of the ending thread, the caller, in glibc's order; then nothing cancels it any
/// more. Where one ends the thread, or it is cancelled in one, those of keys are over, as in glibc
/// (start_thread comes back to the same place, __nptl_deallocate_tsd does nothing the second time).
pub fn run_destructors() {
    run_destructors_from(0);
}

/// [`run_destructors`] where those of keys before `key` have run once.
fn run_destructors_from(key: pthread_key_t) {
    let me = current();
    let result = me.result.replace(join::CANCELED);
    let run = |destructors: *const c_void| {
        // SAFETY: it takes a key, or nothing; what it leaves unwound ends here.
        let outcome = unsafe { protected_call(destructors, key as usize, 0, 0) };
        let is_unwound = outcome.unwound != 0;
        if is_unwound && me.is_husk() {
            sanitizers::unwound(me.stack.base());
        }
        is_unwound
    };
    if run(destructors as *const c_void) {
        while run(destructors_of_variables as *const c_void) {}
    } else {
        me.result.set(result);
    }
}

extern "C-unwind" fn destructors(key: usize) {
    // SAFETY: as glibc's own start_thread does.
    unsafe { __call_tls_dtors() };
    keys::run_destructors(key as pthread_key_t);
    cancel::disable();
}

extern "C-unwind" fn destructors_of_variables() {
    // SAFETY: as above.
    unsafe { __call_tls_dtors() };
    keys::drop_values();
    cancel::disable();
}

/// Puts libc's own thread-local state, as far as it shows, back to what the
/// husk's next thread expects.
fn forget_libc_state(me: &Thread) {
    // SAFETY: the thread's own.
    unsafe {
        *__h_errno_location() = 0;
        // The first call reports an error that nobody has asked for, the second
        // frees it.
        if !libc::dlerror().is_null() {
            libc::dlerror();
        }
    }
    me.without_points.store(false, Ordering::Relaxed);
    me.waits_inside.set(false);
    let lookup = me.lookup.replace(Lookup::NONE);
    if lookup.is_under_way || lookup.was_one_left {
        resolver_context::forget();
    }
    resolver::forget();
}

/// What the start routine left: destructors; then the end.
pub fn finish(me: &'static Thread) -> ! {
    finish_behind(me, 0)
}

/// [`finish`] where the destructors of keys before `key` have run once.
pub fn finish_behind(me: &'static Thread, key: pthread_key_t) -> ! {
    run_destructors_from(key);
    forget_libc_state(me);
    scheduling::forget();
    event_loop::left(me);
    tie::end(me);
    if me.is_main() {
        main_thread::ended();
    }
    let last_mask = (me.kind() == Kind::Green).then(|| mask::end(me));
    if is_last_out() {
        if let Some(mask) = last_mask {
            mask::install(me, mask);
        }
        // SAFETY: as natively, the last thread exits the process.
        unsafe { libc::exit(0) }
    }
    if me.kind() != Kind::Green {
        // A forked child's, beside native threads. What glibc has for its end was the
        // donor's.
        kernel_thread::end(false);
    }
    if me.is_husk() {
        sanitizers::remove_root(me.stack.base(), me.stack.size());
        // SAFETY: the caller; destructors, also those of the process, have run.
        unsafe { tls::release(me.tcb()) };
    }
    me.set_critical(1);
    // It may have come here from a handler.
    QUEUES.forget_absence(me);
    park::retire(me)
}

/// `exit(2)` by number: the calling thread ends where it is. Neither destructors nor cleanup
/// handlers run, so that what they would have given back stays in its husk.
pub fn at_once(status: i32) -> ! {
    let me = current();
    if me.kind() == Kind::Green && !me.is_lent() {
        me.result.set(ptr::null_mut());
        me.is_spent.set(true);
        event_loop::left(me);
        tie::end(me);
        if me.is_main() {
            main_thread::ended();
        }
        mask::end(me);
        if is_last_out() {
            // SAFETY: as the kernel ends the process with its last thread, whose status it has.
            unsafe { syscall!(SYS_exit_group, status) };
        }
        if me.is_husk() {
            sanitizers::remove_root(me.stack.base(), me.stack.size());
        }
        me.set_critical(1);
        QUEUES.forget_absence(me);
        park::retire(me)
    }
    loop {
        // SAFETY: ends the calling kernel thread, as it wants.
        unsafe { syscall!(SYS_exit, status) };
    }
}

/// The kernel has ended the wired `thread` alone, wherever it was: what it has not given back stays in
/// its husk. The caller is critical and holds no lock.
pub fn killed(thread: &'static Thread) {
    if thread.life.is_over() {
        // On its way out. Its joiner may not have been told.
        return join::wake_joiner(thread);
    }
    thread.result.set(ptr::null_mut());
    thread.is_spent.set(true);
    tie::end_of_killed(thread);
    if thread.is_main() {
        main_thread::ended();
    }
    retired(thread);
    if is_last_out() {
        // As the kernel does where it ends the last thread.
        // SAFETY: plain arguments.
        unsafe { syscall!(SYS_kill, syscall!(SYS_getpid), libc::SIGKILL) };
    }
}

/// Called by the next context: `thread` has left its stack for good.
pub fn retired(thread: &'static Thread) {
    thread.pending.close(give_back);
    holds::end(thread);
    errand::refuse(thread);
    match thread.life.exit() {
        Exit::Kept => {}
        Exit::Wake => join::wake_joiner(thread),
        Exit::Free => husk::put(thread),
    }
}
