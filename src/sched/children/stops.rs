//! Stops of children, and continuations, which their descriptors do not tell.
//!
//! For each of the two kinds there is one kernel thread that waits for the next one, of any child, and takes
//! none. Who waits for a child of which one is found looks for himself. The kernel tells of the same one
//! until somebody has taken it, and of no other: so when nobody waits for that, all look, a few times, and
//! then the kernel waits for all of them.

use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::ptr;
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;

use super::kind::{KINDS, Kind};
use super::table;
use crate::sched::service::Service;
use crate::sched::worker::Worker;
use crate::sys::futex;
use crate::sys::in_child::{in_child, restore};
use crate::sys::raw::{is_refused, syscall};

/// One kind's.
struct Watch {
    service: Service,
    /// 1 if the kernel thread is to wait.
    asked: AtomicU32,
    /// How often it was of no use. A forked child counts on.
    failures: AtomicU32,
}

static WATCHES: [Watch; KINDS] = [const {
    Watch {
        service: Service::new(),
        asked: AtomicU32::new(0),
        failures: AtomicU32::new(0),
    }
}; KINDS];

fn reset() {
    for watch in &WATCHES {
        watch.service.forget();
        restore(&watch.asked, 0);
    }
}

in_child!(reset);

fn watch_of(kind: Kind) -> &'static Watch {
    &WATCHES[kind.place()]
}

/// Whether one can wait here for all that `options` ask for.
pub(super) fn watch(options: i32) -> bool {
    Kind::of(options).all(|kind| watch_of(kind).service.want())
}

/// Whether nobody tells of any that `options` ask for.
pub fn have_failed(options: i32) -> bool {
    Kind::of(options).any(|kind| watch_of(kind).service.has_failed())
}

/// How often looks for those were of no use: note it before a wait. It is over when there are more.
pub fn failures(options: i32) -> u32 {
    Kind::of(options).fold(0, |sum, kind| {
        sum.wrapping_add(watch_of(kind).failures.load(Ordering::Acquire))
    })
}

/// The caller waits for what `options` ask for, or has waited: there may be another one.
pub fn ask(options: i32) {
    for kind in Kind::of(options) {
        let asked = &watch_of(kind).asked;
        // SeqCst: who clears it sees who waits.
        if asked.swap(1, Ordering::SeqCst) == 0 {
            futex::wake(asked.as_ptr(), 1);
        }
    }
}

/// Starts the kernel threads that are wanted. For the monitor.
pub(super) fn start_wanted() {
    for (kind, main) in Kind::ALL.into_iter().zip([stops, continuations]) {
        let watch = watch_of(kind);
        watch
            .service
            .start_if_wanted(|| Worker::start_service(main).is_ok(), || watch.fail());
    }
}

extern "C" fn stops(worker: *mut c_void) -> *mut c_void {
    run(worker, Kind::Stop)
}

extern "C" fn continuations(worker: *mut c_void) -> *mut c_void {
    run(worker, Kind::Continuation)
}

fn run(worker: *mut c_void, kind: Kind) -> *mut c_void {
    /// Between the first two looks at one that nobody waits for; each further pause is twice as long.
    const FIRST_PAUSE: Duration = Duration::from_millis(1);
    const LONGEST_PAUSE: Duration = Duration::from_millis(16);
    // SAFETY: passed to this start routine.
    let worker = unsafe { Worker::begin(worker) };
    let watch = watch_of(kind);
    let mut pause = FIRST_PAUSE;
    loop {
        while watch.asked.swap(0, Ordering::SeqCst) == 0 {
            futex::wait(&watch.asked, 0);
        }
        match next(kind) {
            // By a filter: it would be so at once again.
            Err(error) if is_refused(error) => {
                watch.service.fail();
                watch.fail();
                worker.leave();
                return ptr::null_mut();
            }
            // There are no children: who waits for one learns so.
            Err(_) => {}
            Ok(pid) if table::changed(pid, kind) => pause = FIRST_PAUSE,
            Ok(_) if pause > LONGEST_PAUSE => {
                pause = FIRST_PAUSE;
                watch.fail();
            }
            Ok(_) => {
                table::tell_all();
                watch.asked.store(1, Ordering::SeqCst);
                futex::wait_for(&watch.asked, 1, pause);
                pause *= 2;
            }
        }
    }
}

impl Watch {
    /// Who waits is not told, and looks for himself, or has the kernel wait.
    fn fail(&self) {
        self.failures.fetch_add(1, Ordering::Release);
        table::tell_all();
    }
}

/// Waits for one of that kind, and leaves it: the child's id, or the kernel's error, without any.
fn next(kind: Kind) -> Result<i32, isize> {
    let mut found = MaybeUninit::<libc::siginfo_t>::zeroed();
    let options = kind.option() | libc::WNOWAIT | libc::__WALL;
    // SAFETY: the kernel writes a siginfo_t, of a child; zeros are one, too.
    unsafe {
        let result = syscall!(
            SYS_waitid,
            libc::P_ALL,
            0,
            found.as_mut_ptr(),
            options,
            0usize
        );
        if result == 0 {
            Ok(found.assume_init_ref().si_pid())
        } else {
            Err(result)
        }
    }
}
