//! Which thread has made a child.
//!
//! The kernel tells of a child's end (SIGCHLD) the thread that has made it, if that does not block it, and the
//! main thread otherwise. What it knows him by is the kernel thread that he was on.

use core::ptr;
use core::sync::atomic::{AtomicI32, AtomicPtr, AtomicU32, Ordering};

use crate::sched;
use crate::sys::in_child::in_child;
use crate::sys::pages;
use crate::task::{Kind, Thread, current};

/// A child and its maker. Who reads it makes sure that what it has read belongs together: the maker has
/// that id still.
struct Entry {
    child: AtomicI32,
    id: AtomicU32,
    /// Null: no green thread.
    maker: AtomicPtr<Thread>,
}

impl Entry {
    const fn new() -> Self {
        Self {
            child: AtomicI32::new(0),
            id: AtomicU32::new(0),
            maker: AtomicPtr::new(ptr::null_mut()),
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
        self.maker.store(maker_or_none, Ordering::Release);
        self.id.store(id_of(maker), Ordering::Relaxed);
        self.child.store(child, Ordering::Release);
    }

    /// The maker, if that lives.
    fn maker(&self) -> Option<&'static Thread> {
        // SAFETY: null or a thread's block: those stay.
        let maker = unsafe { self.maker.load(Ordering::Acquire).as_ref() }?;
        let is_same = self.id.load(Ordering::Acquire) == id_of(maker);
        let lives = !maker.life.is_over() && !maker.pending.is_closed();
        (is_same && lives).then_some(maker)
    }
}

/// A child has one of so many places, by its pid; the last one to come has it.
const PLACES: usize = 255;

/// Whole pages, so that they can be wiped: each fork writes here.
#[repr(C, align(4096))]
struct Makers {
    /// Who was the last to begin, and has not said since which child he has made (then there is none here): he is
    /// taken for the maker of those of whom nobody has said anything.
    last: Entry,
    known: [Entry; PLACES],
}

/// In a forked child, which has made none of its parent's children, [`reset`] wipes it.
#[unsafe(link_section = ".llvm.linkonce.b.wiped")]
static MAKERS: Makers = Makers {
    last: Entry::new(),
    known: [const { Entry::new() }; PLACES],
};

/// It, as memory.
pub(super) fn memory() -> (*mut u8, usize) {
    pages::of(&MAKERS)
}

/// # Safety
/// The caller is the process's only thread.
unsafe fn reset() {
    let (makers, size) = memory();
    // SAFETY: as the caller promises.
    unsafe { pages::wipe_if_copied(makers, size) };
}

in_child!(reset);

fn id_of(thread: &Thread) -> u32 {
    thread.tcb().id().load(Ordering::Relaxed)
}

fn place(child: i32) -> &'static Entry {
    &MAKERS.known[child as usize % PLACES]
}

/// The calling thread is about to make a child, which may end before this is [known](know).
pub fn begin() {
    let me = current();
    if sched::is_running() && !me.is_lent() {
        MAKERS.last.set(NOBODY_YET, me);
    }
}

/// Stands for a child of whom nobody has said anything: no child has the id of `init`.
const NOBODY_YET: i32 = 1;

/// The calling thread has made `child`, or none (-1).
pub fn know(child: i32) {
    let me = current();
    if !sched::is_running() || me.is_lent() {
        return;
    }
    if child > 0 {
        place(child).set(child, me);
    }
    let last = &MAKERS.last;
    // Another thread that has begun just now may lose its note, and the main thread is told then.
    if last.id.load(Ordering::Relaxed) == id_of(me) {
        last.child.store(0, Ordering::Relaxed);
    }
}

/// What is noted of `child`, or of somebody who may have made it.
fn note_of(child: i32) -> Option<&'static Entry> {
    let entry = place(child);
    if entry.child.load(Ordering::Acquire) == child {
        return Some(entry);
    }
    (MAKERS.last.child.load(Ordering::Acquire) != 0).then_some(&MAKERS.last)
}

/// Whether `thread`, green or not, has made `child`, as far as is known.
pub fn has_made(thread: &Thread, child: i32) -> bool {
    note_of(child).is_some_and(|entry| entry.id.load(Ordering::Acquire) == id_of(thread))
}

/// The thread that has made `child`, if that lives and is a green one.
pub fn of(child: i32) -> Option<&'static Thread> {
    note_of(child)?.maker()
}
