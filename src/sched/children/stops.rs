//! Stops of children, and continuations, which their descriptors do not tell.
//!
//! For each of the two kinds there is one kernel thread that waits for the next one, of any child, and takes
//! none. Who waits for a child of which one is found looks for himself. The kernel tells of the same one
//! until somebody has taken it, and of no other: so when nobody waits for that, all look, a few times, and
//! then the kernel waits for all of them.

use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;

use super::table;
use crate::sched::service::Service;
use crate::sched::worker::Worker;
use crate::sys::futex;
use crate::sys::in_child::{in_child, restore};
use crate::sys::raw::syscall;

/// How many kinds there are.
pub const KINDS: usize = 2;

/// What a child may do but end.
#[derive(Clone, Copy)]
pub enum Kind {
    /// `WUNTRACED`, which is `WSTOPPED`.
    Stop,
    /// `WCONTINUED`.
    Continuation,
}

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

impl Kind {
    const ALL: [Self; KINDS] = [Self::Stop, Self::Continuation];

    /// Those that `options` of `wait4` or `waitid` ask for.
    pub fn of(options: i32) -> impl Iterator<Item = Self> {
        Self::ALL
            .into_iter()
            .filter(move |kind| options & kind.option() != 0)
    }

    /// Its place in an array of all.
    pub const fn place(self) -> usize {
        self as usize
    }

    fn option(self) -> i32 {
        match self {
            Self::Stop => libc::WSTOPPED,
            Self::Continuation => libc::WCONTINUED,
        }
    }

    fn watch(self) -> &'static Watch {
        &WATCHES[self.place()]
    }
}

/// The options that ask for any.
pub const OPTIONS: i32 = libc::WSTOPPED | libc::WCONTINUED;

/// Whether one can wait here for all that `options` ask for.
pub fn watch(options: i32) -> bool {
    Kind::of(options).all(|kind| kind.watch().service.want())
}

/// How often looks for those were of no use: note it before a wait. It is over when there are more.
pub fn failures(options: i32) -> u32 {
    Kind::of(options).fold(0, |sum, kind| {
        sum.wrapping_add(kind.watch().failures.load(Ordering::Acquire))
    })
}

/// The caller waits for what `options` ask for, or has waited: there may be another one.
pub fn ask(options: i32) {
    for kind in Kind::of(options) {
        let asked = &kind.watch().asked;
        // SeqCst: who clears it sees who waits.
        if asked.swap(1, Ordering::SeqCst) == 0 {
            futex::wake(asked.as_ptr(), 1);
        }
    }
}

/// Starts the kernel threads that are wanted. For the monitor.
pub(super) fn start_wanted() {
    for (kind, main) in Kind::ALL.into_iter().zip([stops, continuations]) {
        let watch = kind.watch();
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

fn run(worker: *mut c_void, kind: Kind) -> ! {
    /// Between the first two looks at one that nobody waits for; each further pause is twice as long.
    const FIRST_PAUSE: Duration = Duration::from_millis(1);
    const LONGEST_PAUSE: Duration = Duration::from_millis(16);
    // SAFETY: passed to this start routine.
    unsafe { Worker::begin(worker) };
    let watch = kind.watch();
    let mut pause = FIRST_PAUSE;
    loop {
        while watch.asked.swap(0, Ordering::SeqCst) == 0 {
            futex::wait(&watch.asked, 0);
        }
        match kind.next() {
            // There are no children: who waits for one learns so.
            None => {}
            Some(pid) if table::changed(pid, kind) => pause = FIRST_PAUSE,
            Some(_) if pause > LONGEST_PAUSE => {
                pause = FIRST_PAUSE;
                watch.fail();
            }
            Some(_) => {
                table::tell_all();
                watch.asked.store(1, Ordering::SeqCst);
                futex::wait_for(&watch.asked, 1, pause);
                pause *= 2;
            }
        }
    }
}

impl Kind {
    /// Waits for one, and leaves it: the child's id, or `None` without any.
    fn next(self) -> Option<i32> {
        let mut found = MaybeUninit::<libc::siginfo_t>::zeroed();
        let options = self.option() | libc::WNOWAIT | libc::__WALL;
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
            (result == 0).then(|| found.assume_init_ref().si_pid())
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
