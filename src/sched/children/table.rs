//! The children whose ends are awaited.
//!
//! | an entry | its descriptor | waiters |
//! | --- | --- | --- |
//! | free: no pid | none | none |
//! | asked for | soon | some |
//! | watched | open | some; or none any more, until the child ends |
//! | ended, or never to be watched | none | the last one to leave frees it |
//!
//! Whoever waits notes the count of an entry's events, looks for the child's end, and parks
//! only if the count is still the same.

use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};

use super::kind::{KINDS, Kind};
use super::{ENDS, tracing};
use crate::sched::wake;
use crate::sys::in_child::{in_child, restore};
use crate::sys::pages;
use crate::task::lock::RawLock;
use crate::task::rank;
use crate::task::word::Wake;
use crate::wait::queue::Verdict;

/// A child that somebody waits for. But for `events` all of it is guarded by [`LOCK`].
pub struct Child {
    /// How often there was reason to look.
    events: AtomicU32,
    /// 0: the entry is free.
    pid: AtomicI32,
    /// Names the entry's present child.
    life: AtomicU32,
    waiters: AtomicU32,
    /// Those of them that wait for its stops and continuations, too, by [`Kind`].
    curious: [AtomicU32; KINDS],
    /// One more than the number of the child's descriptor.
    descriptor: AtomicI32,
    /// No more is to be expected.
    ended: AtomicBool,
    /// Link in the list of [`ASKED`].
    next: AtomicU32,
}

const SIZE: usize = 8192;
/// A child is in one of so many entries, by its pid.
const WINDOW: usize = 16;

#[repr(align(4096))]
struct Children([Child; SIZE]);

/// In a forked child [`reset`] wipes it.
#[unsafe(link_section = ".llvm.linkonce.b.wiped")]
static CHILDREN: Children = Children(
    [const {
        Child {
            events: AtomicU32::new(0),
            pid: AtomicI32::new(0),
            life: AtomicU32::new(0),
            waiters: AtomicU32::new(0),
            curious: [const { AtomicU32::new(0) }; KINDS],
            descriptor: AtomicI32::new(0),
            ended: AtomicBool::new(false),
            next: AtomicU32::new(0),
        }
    }; SIZE],
);

static LOCK: RawLock<{ rank::CHILDREN }> = RawLock::new();
/// The first entry for which no descriptor was opened yet, by its place from 1 on.
static ASKED: AtomicU32 = AtomicU32::new(0);

/// In a forked child nobody waits.
///
/// # Safety
/// The caller is the process's only thread.
unsafe fn reset() {
    restore(&ASKED, 0);
    let (table, size) = memory();
    // SAFETY: as the caller promises.
    unsafe {
        LOCK.reset();
        pages::wipe_if_copied(table, size);
    }
}

in_child!(reset);

/// The table, as memory: a forked child waits for none of its parent's children.
pub(super) fn memory() -> (*mut u8, usize) {
    pages::of(&CHILDREN)
}

/// Who is in an entry's place, and in which life of it: what the kernel keeps with the
/// child's descriptor.
#[derive(Clone, Copy)]
pub(super) struct Token(pub u64);

impl Token {
    fn entry(self) -> &'static Child {
        &CHILDREN.0[self.0 as u32 as usize]
    }

    /// The entry, unless it is another child's by now. The lock is held.
    fn living(self) -> Option<&'static Child> {
        let entry = self.entry();
        let same = entry.life.load(Ordering::Relaxed) == (self.0 >> 32) as u32;
        (same && !entry.ended.load(Ordering::Relaxed)).then_some(entry)
    }
}

/// Where a child's entry is.
fn window(pid: i32) -> impl Iterator<Item = &'static Child> {
    (0..WINDOW).map(move |step| &CHILDREN.0[(pid as usize + step) % SIZE])
}

/// The entry of the process's child `pid`, to wait for its end, and for what else `options` of `wait4` ask
/// for; `None` if there is no room, or nobody can tell of its end. To be [left](Child::leave).
pub(super) fn watch(pid: i32, options: i32) -> Option<&'static Child> {
    let (entry, is_new) = LOCK.during(|| {
        // Who gives up says so before he takes what was asked for from the list.
        if ENDS.has_failed() {
            return None;
        }
        let is_watched = |entry: &&Child| {
            entry.pid.load(Ordering::Relaxed) == pid && !entry.ended.load(Ordering::Relaxed)
        };
        let found = window(pid).find(is_watched);
        let is_free = |entry: &&Child| entry.pid.load(Ordering::Relaxed) == 0;
        let entry = found.or_else(|| window(pid).find(is_free))?;
        entry.waiters.fetch_add(1, Ordering::Relaxed);
        for kind in Kind::of(options) {
            entry.curious[kind.place()].fetch_add(1, Ordering::Relaxed);
        }
        if found.is_none() {
            entry.begin(pid);
        }
        Some((entry, found.is_none()))
    })?;
    if is_new {
        tracing::ring();
    }
    Some(entry)
}

impl Child {
    fn place(&self) -> u32 {
        let start = CHILDREN.0.as_ptr().addr();
        ((core::ptr::from_ref(self).addr() - start) / size_of::<Self>()) as u32
    }

    /// The lock is held.
    fn begin(&'static self, pid: i32) {
        self.pid.store(pid, Ordering::Relaxed);
        self.life.fetch_add(1, Ordering::Relaxed);
        self.ended.store(false, Ordering::Relaxed);
        let place = self.place() + 1;
        self.next
            .store(ASKED.swap(place, Ordering::Relaxed), Ordering::Relaxed);
    }

    /// How often there was reason to look: note it before a look.
    pub fn events(&self) -> u32 {
        // Acquire pairs with the Release in `tell`, also for `ended`.
        self.events.load(Ordering::Acquire)
    }

    /// Whether the caller, who has noted `events` and found nothing, may park. Under the lock of
    /// the queue that he is about to be in.
    pub fn may_park(&self, events: u32) -> bool {
        // The last event may have come before the count was noted.
        !self.ended.load(Ordering::Relaxed) && self.events() == events && !tracing::is_tracing()
    }

    /// Whether no more is to be expected.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// The address to wait on for another event.
    pub fn key(&self) -> usize {
        self.events.as_ptr().addr()
    }

    /// The caller, who has [watched](watch) it with these options, does not wait any more.
    pub fn leave(&self, options: i32) {
        LOCK.during(|| {
            for kind in Kind::of(options) {
                self.curious[kind.place()].fetch_sub(1, Ordering::Relaxed);
            }
            let left = self.waiters.fetch_sub(1, Ordering::Relaxed) - 1;
            self.free_if_unused(left);
        });
    }

    /// The lock is held.
    fn free_if_unused(&self, waiters: u32) {
        if waiters == 0 && self.ended.load(Ordering::Relaxed) {
            self.pid.store(0, Ordering::Relaxed);
        }
    }

    /// Lets all look who wait.
    fn tell(&self) {
        self.events.fetch_add(1, Ordering::Release);
        wake::address(self.key(), |_, _| Verdict::Wake(Wake::Ready), |_, _| ());
    }
}

/// The next one that a descriptor is to be opened for: its pid.
pub(super) fn take_asked() -> Option<(Token, i32)> {
    LOCK.during(|| {
        let place = ASKED.load(Ordering::Relaxed).checked_sub(1)?;
        let entry = &CHILDREN.0[place as usize];
        ASKED.store(entry.next.load(Ordering::Relaxed), Ordering::Relaxed);
        let life = entry.life.load(Ordering::Relaxed);
        let token = Token(u64::from(life) << 32 | u64::from(place));
        Some((token, entry.pid.load(Ordering::Relaxed)))
    })
}

/// Its descriptor is `fd`.
pub(super) fn opened(token: Token, fd: i32) {
    LOCK.during(|| {
        if let Some(entry) = token.living() {
            entry.descriptor.store(fd + 1, Ordering::Relaxed);
        }
    });
}

/// The child has ended, or there is no telling when it does: who waits looks for himself.
/// Returns the child's descriptor, if there is one, to be closed.
pub(super) fn end(token: Token) -> Option<i32> {
    let (entry, descriptor) = LOCK.during(|| {
        let entry = token.living()?;
        entry.ended.store(true, Ordering::Relaxed);
        // Kept for the length of the wake-up.
        entry.waiters.fetch_add(1, Ordering::Relaxed);
        Some((entry, entry.descriptor.swap(0, Ordering::Relaxed)))
    })?;
    entry.tell();
    entry.leave(0);
    (descriptor > 0).then_some(descriptor - 1)
}

/// The child `pid` has stopped or gone on: lets those look who wait for that. Whether there are any.
pub(super) fn changed(pid: i32, kind: Kind) -> bool {
    let is_it = |entry: &&Child| {
        entry.pid.load(Ordering::Relaxed) == pid
            && entry.curious[kind.place()].load(Ordering::Relaxed) > 0
    };
    let entry = LOCK.during(|| {
        let entry = window(pid).find(is_it)?;
        // Kept for the length of the wake-up.
        entry.waiters.fetch_add(1, Ordering::Relaxed);
        Some(entry)
    });
    if let Some(entry) = entry {
        entry.tell();
        entry.leave(0);
    }
    entry.is_some()
}

/// Lets all look who wait for any of the children.
pub(super) fn tell_all() {
    let entries = CHILDREN.0.iter();
    entries
        .filter(|entry| entry.waiters.load(Ordering::Relaxed) > 0)
        .for_each(Child::tell);
}
