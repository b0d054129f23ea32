//! Kernel threads that the kernel ends alone, and the green threads that they belong to.
//!
//! A filter of system calls can ask for that (seccomp(2), `SECCOMP_RET_KILL_THREAD`, and its strict mode).
//! Who installs one is wired, so what dies is that thread and nobody else. The kernel clears a word at
//! the end of a kernel thread, as libc wants it for `pthread_join`: one kernel thread of the runtime's waits
//! for all of those.

use core::ffi::c_void;
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;

use super::service::Service;
use super::worker::{self, Worker};
use crate::sys::futex::{self, Waited};
use crate::sys::in_child::in_child;
use crate::task::{current, upcalls};

/// How often to look where the kernel cannot wait for so many, or for more than one.
const PERIOD: Duration = Duration::from_millis(20);

static WATCH: Service = Service::new();
/// Counts the kernel threads to wait for. A forked child counts on.
static EXPECTED: AtomicU32 = AtomicU32::new(0);

fn reset() {
    WATCH.forget();
}

in_child!(reset);

/// The calling thread is about to install a filter of system calls.
pub fn expect() {
    let me = current();
    if me.is_wired() && worker::of(me).set_mortal(me) {
        // SeqCst: who sees the count finds the kernel thread.
        EXPECTED.fetch_add(1, Ordering::SeqCst);
        futex::wake(EXPECTED.as_ptr(), 1);
        WATCH.want();
    }
}

/// Starts the kernel thread that waits, if it is wanted. For the monitor.
pub fn start_wanted() {
    WATCH.start_if_wanted(|| Worker::start_service(main).is_ok(), || ());
}

extern "C" fn main(worker: *mut c_void) -> *mut c_void {
    // SAFETY: passed to this start routine.
    unsafe { Worker::begin(worker) };
    loop {
        let expected = EXPECTED.load(Ordering::SeqCst);
        let mut words = [Waited::default(); Waited::MOST];
        words[0] = Waited::private(&EXPECTED, expected);
        let mut count = 1;
        for worker in worker::all() {
            let Some(word) = worker.mortal_word() else {
                continue;
            };
            match word.load(Ordering::Acquire) {
                0 => bury(worker),
                id => {
                    if let Some(place) = words.get_mut(count) {
                        *place = Waited::ended(word, id);
                    }
                    count += 1;
                }
            }
        }
        if count > words.len() || !futex::wait_for_any(&words[..count]) {
            futex::wait_for(&EXPECTED, expected, PERIOD);
        }
    }
}

/// The worker's kernel thread has ended. Neither the worker nor its stack serve again: libc has them in its
/// lists of threads.
fn bury(worker: &Worker) {
    if let Some(thread) = worker.forget_mortal() {
        (upcalls::get().killed)(thread);
    }
}
