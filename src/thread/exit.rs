//! The end of a green thread.

use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};

use super::join::{self, Life};
use super::{Thread, cancel, husk, keys, robust};
use crate::sched::{self, runtime};
use crate::signal::send::put_back;

unsafe extern "C-unwind" {
    /// glibc: runs the destructors of C++'s and Rust's `thread_local`s.
    fn __call_tls_dtors();
}

unsafe extern "C" {
    fn __h_errno_location() -> *mut i32;
    fn uselocale(locale: *mut c_void) -> *mut c_void;
}

/// `PTHREAD_CANCELED`, what a cancelled thread's joiner gets.
pub const CANCELED: *mut c_void = ptr::without_provenance_mut(usize::MAX);

/// Threads of the program that have not ended, the main one included.
static LIVE: AtomicUsize = AtomicUsize::new(0);

/// A thread of the program has come to life.
pub fn count_in() {
    LIVE.fetch_add(1, Ordering::Relaxed);
}

/// A thread that was counted in has not come to life after all.
pub fn uncount() {
    LIVE.fetch_sub(1, Ordering::Relaxed);
}

/// A thread of the program has run its course: the last one to do so ends the
/// process (`pthread_exit(3)`). Not called by threads that still have to run
/// code of the program.
pub fn count_out() {
    // AcqRel: the last one sees everything that the others did.
    if !runtime::is_running() || LIVE.fetch_sub(1, Ordering::AcqRel) == 1 {
        // SAFETY: as natively, the last thread exits the process.
        unsafe { libc::exit(0) }
    }
}

/// Back to one thread, in a forked child, or to none that is counted.
pub fn reset() {
    LIVE.store(0, Ordering::Relaxed);
}

/// Runs the destructors of the ending thread, the caller, in glibc's order.
pub fn run_destructors() {
    cancel::disable();
    // SAFETY: as glibc's own start_thread does.
    unsafe { __call_tls_dtors() };
    keys::run_destructors();
}

/// Puts libc's own thread-local state, as far as it shows, back to what the
/// husk's next thread expects.
fn forget_libc_state() {
    // SAFETY: LC_GLOBAL_LOCALE is always valid; the rest is the thread's own.
    unsafe {
        uselocale(ptr::without_provenance_mut(usize::MAX));
        *__h_errno_location() = 0;
        // The first call reports an error that nobody has asked for, the second
        // frees it.
        if !libc::dlerror().is_null() {
            libc::dlerror();
        }
    }
}

/// What the start routine left: destructors; then the end.
pub fn finish(me: &'static Thread) -> ! {
    run_destructors();
    forget_libc_state();
    robust::release(me);
    count_out();
    me.set_critical(1);
    sched::retire(me)
}

/// Called by the next context: `thread` has left its stack for good.
pub fn retired(thread: &'static Thread) {
    let pending = thread.pending.load(Ordering::Relaxed);
    if pending != 0 {
        put_back(thread, pending);
    }
    // AcqRel pairs with `join` and `detach`: whoever comes second has the husk.
    let life = thread.life.fetch_or(Life::EXITED, Ordering::AcqRel);
    if life & Life::DETACHED != 0 {
        husk::put(thread);
    } else if life & Life::JOINING != 0 {
        join::wake_joiner(thread);
    }
}
