//! Waits for words that others change who tell nobody but the kernel (futex(2)): threads of libc's own.
//!
//! A green thread that waits for such a word parks. One kernel thread waits for all of these words at once
//! (`futex_waitv`), or several do where there are more than one can wait for. That can lose no wake-up if
//! whoever wakes changes the word before, and nobody changes it back.

use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use core::time::Duration;

use super::service::Service;
use super::worker::Worker;
use super::{park, wake};
use crate::sys::clock::Instant;
use crate::sys::futex::{self, Waited};
use crate::sys::in_child::{in_child, restore};
use crate::task::lock::RawLock;
use crate::task::word::{Cancellation, Wake};
use crate::task::{Critical, rank};

/// A word that somebody waits for.
struct Entry {
    /// 0: nobody does. Guarded by [`LOCK`], as is the next one.
    word: AtomicUsize,
    expected: AtomicU32,
    /// It has been seen to be changed.
    is_told: AtomicBool,
}

/// A kernel thread, and the words that it waits for.
struct Group {
    service: Service,
    /// Counts what there is to look at.
    bell: AtomicU32,
    entries: [Entry; ENTRIES],
}

/// Beside the bell.
const ENTRIES: usize = Waited::MOST - 1;
const GROUPS: usize = 16;
/// How often to look where the kernel refuses to wait.
const PERIOD: Duration = Duration::from_millis(5);

#[unsafe(link_section = ".llvm.linkonce.b.tables")]
static ALL: [Group; GROUPS] = [const {
    Group {
        service: Service::new(),
        bell: AtomicU32::new(0),
        entries: [const {
            Entry {
                word: AtomicUsize::new(0),
                expected: AtomicU32::new(0),
                is_told: AtomicBool::new(false),
            }
        }; ENTRIES],
    }
}; GROUPS];

static LOCK: RawLock<{ rank::WORDS }> = RawLock::new();
/// So many of the groups have been used.
static USED: AtomicUsize = AtomicUsize::new(0);

/// In a forked child nobody waits.
///
/// # Safety
/// The caller is the process's only thread.
unsafe fn reset() {
    for group in &ALL[..USED.load(Ordering::Relaxed)] {
        group.service.forget();
        for entry in &group.entries {
            restore(&entry.word, 0);
        }
    }
    restore(&USED, 0);
    // SAFETY: as the caller promises.
    unsafe { LOCK.reset() };
}

in_child!(reset);

/// Whether one can wait here.
pub fn can_wait() -> bool {
    USED.fetch_max(1, Ordering::Relaxed);
    ALL[0].service.want()
}

/// Waits until `word` may have another value than `expected`: why that has ended. `None` if one cannot wait
/// here.
pub fn wait(
    word: &AtomicU32,
    expected: u32,
    deadline: Instant,
    cancellation: Cancellation,
) -> Option<Wake> {
    // No handler runs before the entry is given back: it might never return, and the word be gone.
    let _critical = Critical::enter();
    let (group, entry) = enter(word, expected)?;
    let unchanged = || {
        let is_told = entry.is_told.load(Ordering::SeqCst);
        (!is_told && !group.service.has_failed()).then_some(0)
    };
    let key = entry.key();
    let reason = park::on_address(key, deadline, cancellation, unchanged, || (), || ());
    LOCK.during(|| entry.word.store(0, Ordering::Relaxed));
    Some(reason.unwrap_or(Wake::Ready))
}

/// An entry for the word, and who looks at it.
fn enter(word: &AtomicU32, expected: u32) -> Option<(&'static Group, &'static Entry)> {
    let is_free = |entry: &&Entry| entry.word.load(Ordering::Relaxed) == 0;
    let (group, entry) = LOCK.during(|| {
        let (index, entry) = ALL
            .iter()
            .enumerate()
            .find_map(|(index, group)| Some((index, group.entries.iter().find(is_free)?)))?;
        USED.fetch_max(index + 1, Ordering::Relaxed);
        entry.expected.store(expected, Ordering::Relaxed);
        entry.is_told.store(false, Ordering::Relaxed);
        entry.word.store(word.as_ptr().addr(), Ordering::Relaxed);
        Some((&ALL[index], entry))
    })?;
    if !group.service.want() {
        LOCK.during(|| entry.word.store(0, Ordering::Relaxed));
        return None;
    }
    group.bell.fetch_add(1, Ordering::SeqCst);
    futex::wake(group.bell.as_ptr(), 1);
    Some((group, entry))
}

/// Starts the kernel threads that are wanted. For the monitor.
pub fn start_wanted() {
    for (group, main) in ALL[..USED.load(Ordering::Relaxed)].iter().zip(MAINS) {
        group
            .service
            .start_if_wanted(|| Worker::start_service(main).is_ok(), || group.fail());
    }
}

const MAINS: [extern "C" fn(*mut c_void) -> *mut c_void; GROUPS] = [
    main::<0>, main::<1>, main::<2>, main::<3>, main::<4>, main::<5>, main::<6>, main::<7>,
    main::<8>, main::<9>, main::<10>, main::<11>, main::<12>, main::<13>, main::<14>, main::<15>,
];

extern "C" fn main<const GROUP: usize>(worker: *mut c_void) -> *mut c_void {
    // SAFETY: passed to this start routine.
    let worker = unsafe { Worker::begin(worker) };
    let group = &ALL[GROUP];
    let other = group.bell.load(Ordering::SeqCst).wrapping_sub(1);
    if !futex::wait_for_any(&[Waited::private(&group.bell, other)]) {
        group.fail();
        worker.leave();
        return ptr::null_mut();
    }
    loop {
        group.look();
    }
}

impl Entry {
    /// The address to wait on.
    fn key(&self) -> usize {
        self.word.as_ptr().addr()
    }

    /// Lets its owner look.
    fn tell(&self) {
        self.is_told.store(true, Ordering::SeqCst);
        wake::up_to(self.key(), 1);
    }
}

impl Group {
    /// Tells of the words that have changed, and waits until others do, or come.
    fn look(&self) {
        let bell = self.bell.load(Ordering::SeqCst);
        let mut words = [Waited::default(); Waited::MOST];
        words[0] = Waited::private(&self.bell, bell);
        let mut count = 1;
        let mut changed = [None; ENTRIES];
        LOCK.during(|| {
            for (entry, changed) in self.entries.iter().zip(&mut changed) {
                let word = entry.word.load(Ordering::Relaxed) as *const AtomicU32;
                // SAFETY: none, or it lives until its entry is given back, for which the lock is needed.
                let word = unsafe { word.as_ref() };
                let Some(word) = word.filter(|_| !entry.is_told.load(Ordering::Relaxed)) else {
                    continue;
                };
                let expected = entry.expected.load(Ordering::Relaxed);
                if word.load(Ordering::Acquire) == expected {
                    words[count] = Waited::private(word, expected);
                    count += 1;
                } else {
                    *changed = Some(entry);
                }
            }
        });
        for entry in changed.iter().flatten() {
            entry.tell();
        }
        // What is gone by now, or has changed, the kernel finds so.
        if !futex::wait_for_any(&words[..count]) {
            futex::wait_for(&self.bell, bell, PERIOD);
        }
    }

    /// Nobody looks: who waits does so himself.
    fn fail(&self) {
        self.service.fail();
        self.entries.iter().for_each(Entry::tell);
    }
}
