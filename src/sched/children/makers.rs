//! Which thread has made a child.
//!
//! The kernel tells of a child's end (SIGCHLD) the thread that has made it, if that does not block it, and the
//! main thread otherwise. What it knows him by is the kernel thread that he was on.

use core::ptr;
use core::sync::atomic::{AtomicI32, AtomicPtr, AtomicU32, Ordering};

use crate::sched;
use crate::sched::kernel_thread::process;
use crate::task::{Kind, Thread, current};

/// A child and its maker. Who reads it makes sure that what it has read belongs together: the maker has
/// that id still.
struct Entry {
    child: AtomicI32,
    /// The process whose child it is.
    process: AtomicI32,
    /// Null: no green thread.
    maker: AtomicPtr<Thread>,
    id: AtomicU32,
}

impl Entry {
    const fn new() -> Self {
        Self {
            child: AtomicI32::new(0),
            process: AtomicI32::new(0),
            maker: AtomicPtr::new(ptr::null_mut()),
            id: AtomicU32::new(0),
        }
    }

    fn set(&self, child: i32, maker: &Thread) {
        let is_green = maker.kind() == Kind::Green;
        let maker_or_none = if is_green {
            ptr::from_ref(maker).cast_mut()
        } else {
            ptr::null_mut()
        };
        self.child.store(0, Ordering::Relaxed);
        self.process.store(process(), Ordering::Release);
        self.maker.store(maker_or_none, Ordering::Relaxed);
        self.id.store(id_of(maker), Ordering::Relaxed);
        self.child.store(child, Ordering::Release);
    }

    /// The maker, if that lives.
    fn maker(&self) -> Option<&'static Thread> {
        // SAFETY: null or a thread's block: in the process that has written it those stay.
        let maker = unsafe { self.maker.load(Ordering::Acquire).as_ref() }?;
        let is_same = self.id.load(Ordering::Acquire) == id_of(maker);
        let lives = !maker.life.is_over() && !maker.pending.is_closed();
        (is_same && lives).then_some(maker)
    }

    fn is_own(&self) -> bool {
        self.process.load(Ordering::Relaxed) == process()
    }
}

/// A child has one of so many places, by its pid; the last one to come has it.
const SIZE: usize = 256;

/// A forked child keeps them, and sees whose they are.
#[unsafe(link_section = ".llvm.linkonce.b.tables")]
static MAKERS: [Entry; SIZE] = [const { Entry::new() }; SIZE];

/// Who was the last to begin, and has not said since which child he has made (then there is none here): he is
/// taken for the maker of those of whom nobody has said anything. A forked child keeps it, and sees whose it is.
static LAST: Entry = Entry::new();

fn id_of(thread: &Thread) -> u32 {
    thread.tcb().id().load(Ordering::Relaxed)
}

fn place(child: i32) -> &'static Entry {
    &MAKERS[child as usize % SIZE]
}

/// The calling thread is about to make a child, which may end before this is [known](know).
pub fn begin() {
    let me = current();
    if sched::is_running() && !me.is_lent() {
        LAST.set(process(), me);
    }
}

/// The calling thread has made `child`, or none (-1).
pub fn know(child: i32) {
    let me = current();
    if !sched::is_running() || me.is_lent() {
        return;
    }
    if child > 0 {
        place(child).set(child, me);
    }
    // Another thread that has begun just now may lose its note, and the main thread is told then.
    if LAST.id.load(Ordering::Relaxed) == id_of(me) {
        LAST.child.store(0, Ordering::Relaxed);
    }
}

/// What is noted of `child`, or of somebody who may have made it.
fn note_of(child: i32) -> Option<&'static Entry> {
    let entry = place(child);
    if entry.child.load(Ordering::Acquire) == child && entry.is_own() {
        return Some(entry);
    }
    (LAST.child.load(Ordering::Acquire) != 0 && LAST.is_own()).then_some(&LAST)
}

/// Whether `thread`, green or not, has made `child`, as far as is known.
pub fn has_made(thread: &Thread, child: i32) -> bool {
    note_of(child).is_some_and(|entry| entry.id.load(Ordering::Acquire) == id_of(thread))
}

/// The thread that has made `child`, if that lives and is a green one.
pub fn of(child: i32) -> Option<&'static Thread> {
    note_of(child)?.maker()
}
