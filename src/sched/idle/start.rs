//! Workers that the monitor starts: for an idle slot, or to take one over.

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::board::Help;
use super::{BOARD, give, kick_hub, successors};
use crate::glibc::loader;
use crate::sched::slots;
use crate::sched::worker::Worker;
use crate::sys::{errno, report};
use crate::task::Critical;

static NO_WORKER: report::Once = report::Once::new();
/// How often in a row no worker could be started. A forked child counts on.
static FAILURES: AtomicU32 = AtomicU32::new(0);
/// A worker was started, and does not run yet. A forked child [sets it up](set_up).
static STARTING: AtomicBool = AtomicBool::new(false);
/// How often in a row is not worth telling.
const TOLERATED: u32 = 20;

/// Starts a worker for an idle slot, if there is one and nobody to take it. For the
/// monitor. Where no kernel thread is to be had those who run now must do.
pub fn start_worker() {
    let help = {
        let _critical = Critical::enter();
        BOARD.call()
    };
    match help {
        Help::New if !loader::is_creation_barred() => {}
        // The monitor comes again as long as anybody queues.
        Help::New | Help::None => return,
        Help::Sleeper(worker, index) => {
            give(&slots::all()[index], worker);
            return worker.wake();
        }
        Help::Poller => return kick_hub(),
    }
    start();
}

/// Starts a worker that has no slot, unless there is one beside that of who asked: he is parked by
/// now, and his own worker, with nothing else to do, waits in the hub or sleeps. For the monitor:
/// whether there is one now, or soon.
pub fn start_successor() -> bool {
    const OWN_AND_ANOTHER: u32 = 2;
    successors() >= OWN_AND_ANOTHER || start()
}

/// Starts a worker, unless one is about to begin: whether there is one soon. It has no slot before it runs: to start it
/// libc takes locks, and whoever has one may need that slot.
fn start() -> bool {
    if STARTING.load(Ordering::Relaxed) {
        return true;
    }
    STARTING.store(true, Ordering::Relaxed);
    let started = Worker::create().ok_or(libc::ENOMEM).and_then(|worker| {
        worker.spawn().inspect_err(|_| {
            STARTING.store(false, Ordering::Relaxed);
            worker.put_by();
        })
    });
    note_start(started)
}

/// A worker has begun to run, which may be the one that was last started.
pub fn has_started() {
    STARTING.store(false, Ordering::Relaxed);
}

/// Whether a worker was started that does not run yet.
pub fn is_starting() -> bool {
    STARTING.load(Ordering::Relaxed)
}

/// Whether a worker was `started`. If none can be for long it is told.
fn note_start(started: Result<(), i32>) -> bool {
    let Err(error) = started else {
        FAILURES.store(0, Ordering::Relaxed);
        return true;
    };
    // The monitor comes again. For a moment it may always fail: while another thread is in
    // `execve` the kernel refuses to make threads that share its working directory.
    if FAILURES.fetch_add(1, Ordering::Relaxed) == TOLERATED {
        NO_WORKER.line(&[
            b"cannot start another kernel thread (",
            errno::describe(error),
            b"); going on with those there are",
        ]);
    }
    false
}

/// Nobody was started.
pub(super) fn set_up() {
    STARTING.store(false, Ordering::Relaxed);
}
