//! Waiting for any child.
//!
//! One kernel thread waits until there is one that has ended, and leaves it for whoever it
//! then wakes. Who finds one wakes the next, who may find another; who finds none asks the
//! kernel thread to wait again.

use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicU32, Ordering};

use super::ANY;
use crate::sched::wake;
use crate::sched::worker::Worker;
use crate::sys::futex;
use crate::sys::in_child::{in_child, restore};
use crate::sys::raw::{is_refused, syscall};

/// How often there was reason to look. A forked child counts on.
static EVENTS: AtomicU32 = AtomicU32::new(0);
/// 1 if the kernel thread is to wait.
static ASKED: AtomicU32 = AtomicU32::new(0);

fn reset() {
    restore(&ASKED, 0);
}

in_child!(reset);

/// Whether one can wait here: from now on there are [`events`].
pub fn watch() -> bool {
    ANY.want()
}

/// Whether the caller, who has noted `events` and found none, may park. Under the lock of
/// the queue that he is about to be in.
pub fn may_park(events: u32) -> bool {
    !ANY.has_failed() && self::events() == events
}

/// How often there was reason to look: note it before a look.
pub fn events() -> u32 {
    EVENTS.load(Ordering::Acquire)
}

/// The address to wait on for another event.
pub fn key() -> usize {
    EVENTS.as_ptr().addr()
}

/// The caller has found none and is about to park: he is in the queue.
pub fn ask() {
    // SeqCst: who clears it sees who is in the queue.
    if ASKED.swap(1, Ordering::SeqCst) == 0 {
        futex::wake(ASKED.as_ptr(), 1);
    }
}

/// The caller has found one: there may be another.
pub fn pass_on() {
    tell(1);
}

/// Lets up to `count` look.
fn tell(count: usize) {
    EVENTS.fetch_add(1, Ordering::Release);
    wake::up_to(key(), count);
}

/// Starts the kernel thread; false if it cannot be had, and then nobody waits for it.
pub(super) fn start() -> bool {
    Worker::start_service(main).is_ok()
}

/// It cannot be had: who waits looks for himself.
pub(super) fn refuse() {
    tell(usize::MAX);
}

extern "C" fn main(worker: *mut c_void) -> *mut c_void {
    // SAFETY: passed to this start routine.
    let worker = unsafe { Worker::begin(worker) };
    loop {
        while ASKED.swap(0, Ordering::SeqCst) == 0 {
            futex::wait(&ASKED, 0);
        }
        let options = libc::WEXITED | libc::WNOWAIT;
        // SAFETY: nothing is written.
        let result = unsafe { syscall!(SYS_waitid, libc::P_ALL, 0, 0usize, options, 0usize) };
        if is_refused(result) {
            // By a filter: it would be so at once again.
            ANY.fail();
            refuse();
            worker.leave();
            return ptr::null_mut();
        }
        // Without children all who wait fail.
        tell(if result == 0 { 1 } else { usize::MAX });
    }
}
