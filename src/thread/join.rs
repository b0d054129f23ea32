//! Who gets a thread's result, and who its husk.

use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::Ordering;

use super::husk;
use crate::sched::{park, wake};
use crate::signal::cancel;
use crate::sys::clock::Instant;
use crate::task::life::{Detach, Life, Refusal};
use crate::task::word::{Cancellation, Wake};
use crate::task::{Critical, Thread, current, process};

/// `PTHREAD_CANCELED`, what a cancelled thread's joiner gets.
pub const CANCELED: *mut c_void = ptr::without_provenance_mut(usize::MAX);

fn key(life: &Life) -> usize {
    ptr::from_ref(life).addr()
}

/// Tells the joiner.
#[cold]
pub fn wake_joiner(thread: &Thread) {
    wake::up_to(key(&thread.life), 1);
}

/// Waits for the end of the green `thread` until `deadline`; its result, or an
/// error number of `pthread_join(3)`. A cancellation point.
pub fn join(thread: &'static Thread, deadline: Instant) -> Result<*mut c_void, i32> {
    let me = current();
    loop {
        if let Some(result) = wait(me, thread, deadline) {
            return result;
        }
        cancel::point();
    }
}

/// [`join`], until a signal comes: `None`. Handlers run afterwards: they may jump away, or end the
/// caller, who leaves the thread joinable then, as a joiner does that is cancelled.
fn wait(
    me: &'static Thread,
    thread: &'static Thread,
    deadline: Instant,
) -> Option<Result<*mut c_void, i32>> {
    let _critical = Critical::enter();
    if is_left_behind(thread) {
        return Some(Ok(ptr::null_mut()));
    }
    if let Err(refusal) = claim(me, thread) {
        return Some(Err(refusal));
    }
    loop {
        let running = || (!thread.life.is_over()).then_some(0);
        match park::on_address(
            key(&thread.life),
            deadline,
            Cancellation::Point,
            running,
            || (),
            || (),
        ) {
            None => return Some(Ok(collect(me, thread))),
            Some(Wake::Timeout) if !thread.life.is_over() => {
                let_go(me, thread);
                return Some(Err(libc::ETIMEDOUT));
            }
            Some(Wake::Interrupted) => {
                let_go(me, thread);
                return None;
            }
            Some(_) => {}
        }
    }
}

/// `pthread_tryjoin_np(3)`.
pub fn try_join(thread: &'static Thread) -> Result<*mut c_void, i32> {
    let me = current();
    if is_left_behind(thread) {
        return Ok(ptr::null_mut());
    }
    if !thread.life.is_over() {
        return Err(libc::EBUSY);
    }
    claim(me, thread)?;
    Ok(collect(me, thread))
}

/// Whether the thread runs on in a parent process: here it is gone, as it is to glibc
/// (`reclaim_stacks`), and has no result.
fn is_left_behind(thread: &Thread) -> bool {
    process::is_elsewhere(thread) && !thread.life.is_over()
}

/// An error number of `pthread_join(3)` and `pthread_detach(3)`.
fn error_number(refusal: Refusal) -> i32 {
    match refusal {
        Refusal::Gone => libc::ESRCH,
        Refusal::Detached | Refusal::Claimed => libc::EINVAL,
    }
}

fn claim(me: &'static Thread, thread: &'static Thread) -> Result<(), i32> {
    // As glibc has it, this comes first.
    if thread.life.is_detached() {
        return Err(libc::EINVAL);
    }
    if thread.is(me) || waits_for(thread, me) {
        return Err(libc::EDEADLK);
    }
    thread.life.claim().map_err(error_number)?;
    me.joins
        .store(ptr::from_ref(thread).cast_mut(), Ordering::Relaxed);
    Ok(())
}

/// Whether `thread` would wait for `me` for ever if `me` waited for it: it joins `me`, and
/// neither of them is about to be cancelled (glibc, nptl/pthread_join_common.c).
fn waits_for(thread: &Thread, me: &Thread) -> bool {
    ptr::eq(thread.joins.load(Ordering::Relaxed), me)
        && !thread.tcb().is_cancelled()
        && !(me.tcb().is_cancelled() && me.tcb().allows_cancellation())
}

fn let_go(me: &Thread, thread: &Thread) {
    me.joins.store(ptr::null_mut(), Ordering::Relaxed);
    thread.life.let_go();
}

fn collect(me: &Thread, thread: &'static Thread) -> *mut c_void {
    me.joins.store(ptr::null_mut(), Ordering::Relaxed);
    let result = thread.result.get();
    husk::put(thread);
    result
}

/// `pthread_detach(3)`: 0, `EINVAL` or `ESRCH`. A thread that somebody joins already stays
/// his.
pub fn detach(thread: &'static Thread) -> i32 {
    match thread.life.detach() {
        Ok(Detach::Done) => 0,
        Ok(Detach::Free) => {
            husk::put(thread);
            0
        }
        Err(refusal) => error_number(refusal),
    }
}
