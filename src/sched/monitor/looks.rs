//! What the monitor has to read from files, /proc's and those of cgroups: by a kernel thread with a table of
//! descriptors of its own, so that no file of libgreen's has a number, the lowest free one, that the program counts on.

use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};
use core::time::Duration;

use crate::glibc::loader;
use crate::sched::service::Service;
use crate::sched::worker::Worker;
use crate::settings;
use crate::sys::in_child::{in_child, restore};
use crate::sys::{futex, open_files, task_state};
use crate::task::current;

/// Nobody has asked anything.
const NOTHING: u32 = 0;
/// What was asked last has been [answered](ANSWER).
const ANSWERED: u32 = 1;
/// Whether the kernel thread [`SUBJECT`] sleeps.
const IS_ASLEEP: u32 = 2;
/// How many CPUs there are for the process.
const CPUS: u32 = 3;

/// The answer comes sooner, unless the machine is busy: then it is taken at the monitor's next look.
const PATIENCE: Duration = Duration::from_millis(2);

static LOOKER: Service = Service::new();
/// It has a table of its own.
static IS_APART: AtomicBool = AtomicBool::new(false);
/// A futex.
static QUESTION: AtomicU32 = AtomicU32::new(NOTHING);
/// What it is about. A forked child keeps it: it is part of a question.
static SUBJECT: AtomicI32 = AtomicI32::new(0);
/// A forked child keeps it: it goes by the question.
static ANSWER: AtomicU32 = AtomicU32::new(0);

/// In a forked child there is nobody to ask.
fn reset() {
    LOOKER.forget();
    restore(&IS_APART, false);
    restore(&QUESTION, NOTHING);
}

in_child!(reset);

/// Whether the kernel thread `id` of this process sleeps in the kernel, as far as is known. For the monitor.
pub(super) fn is_asleep(id: i32) -> bool {
    ask(IS_ASLEEP, id).is_some_and(|answer| answer != 0)
}

/// The CPUs that the process may use, if that is known already. For the monitor.
pub(super) fn cpus() -> Option<usize> {
    ask(CPUS, 0).map(|answer| answer as usize)
}

/// What the files say. They get numbers for a moment.
fn look(question: u32, subject: i32) -> u32 {
    match question {
        IS_ASLEEP => u32::from(task_state::is_asleep(subject)),
        _ => settings::cpus() as u32,
    }
}

fn ask(question: u32, subject: i32) -> Option<u32> {
    if !IS_APART.load(Ordering::Acquire) {
        // Whoever keeps libc from making threads may be the one who sleeps.
        let itself = !LOOKER.want() || loader::is_creation_barred();
        return itself.then(|| look(question, subject));
    }
    match QUESTION.load(Ordering::Acquire) {
        NOTHING | ANSWERED => {
            SUBJECT.store(subject, Ordering::Relaxed);
            // Release pairs with the looker's Acquire.
            QUESTION.store(question, Ordering::Release);
            futex::wake(QUESTION.as_ptr(), 1);
        }
        now if now == question && SUBJECT.load(Ordering::Relaxed) == subject => {}
        _ => return None,
    }
    futex::wait_for(&QUESTION, question, PATIENCE);
    (QUESTION.load(Ordering::Acquire) == ANSWERED).then(|| ANSWER.load(Ordering::Relaxed))
}

/// Starts the kernel thread, if it is wanted. For the monitor.
pub(super) fn start_wanted() {
    LOOKER.start_if_wanted(|| Worker::start_service(main).is_ok(), || ());
}

extern "C" fn main(worker: *mut c_void) -> *mut c_void {
    // SAFETY: passed to this start routine.
    let worker = unsafe { Worker::begin(worker) };
    // SAFETY: the kernel thread is the runtime's own, and uses no descriptor.
    if !unsafe { open_files::leave_all() } {
        LOOKER.fail();
        worker.leave();
        return ptr::null_mut();
    }
    current().set_apart();
    IS_APART.store(true, Ordering::Release);
    loop {
        match QUESTION.load(Ordering::Acquire) {
            now @ (NOTHING | ANSWERED) => {
                futex::wait(&QUESTION, now);
            }
            question => {
                let answer = look(question, SUBJECT.load(Ordering::Relaxed));
                ANSWER.store(answer, Ordering::Relaxed);
                // Release pairs with the monitor's Acquire.
                QUESTION.store(ANSWERED, Ordering::Release);
                futex::wake(QUESTION.as_ptr(), 1);
            }
        }
    }
}
