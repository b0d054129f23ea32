//! Where the loader is, and whether it is at work for the caller.

use core::ops::Range;
use core::slice;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use super::{link_map, patch};

/// The parts of the loader that are mapped: none where it is not known where it is.
fn segments() -> impl Iterator<Item = (Range<usize>, u32)> {
    let start = link_map::loader();
    let headers = match start {
        0 => &[],
        // SAFETY: an object begins with its header, which says where its program headers are.
        _ => unsafe {
            let header = &*(start as *const libc::Elf64_Ehdr);
            let first = (start + header.e_phoff as usize) as *const libc::Elf64_Phdr;
            slice::from_raw_parts(first, header.e_phnum.into())
        },
    };
    headers
        .iter()
        .filter(|header| header.p_type == libc::PT_LOAD)
        .map(move |header| {
            let first = start + header.p_vaddr as usize;
            (first..first + header.p_memsz as usize, header.p_flags)
        })
}

/// The addresses of the loader's own code; none where they are not known.
pub fn code() -> Range<usize> {
    segments()
        .find(|(_, flags)| flags & libc::PF_X != 0)
        .map_or(0..0, |(range, _)| range)
}

/// The addresses of the loader's own code and data.
pub fn range() -> Range<usize> {
    // A forked child keeps it.
    static END: AtomicUsize = AtomicUsize::new(0);
    let start = link_map::loader();
    let mut end = END.load(Ordering::Relaxed);
    if end == 0 && start != 0 {
        end = segments()
            .map(|(range, _)| range.end)
            .max()
            .unwrap_or(start);
        END.store(end, Ordering::Relaxed);
    }
    start..end
}

/// The beginning of a `pthread_mutex_t` (glibc, sysdeps/x86/nptl/bits/struct_mutex.h).
#[repr(C, align(8))]
struct Mutex {
    lock: AtomicU32,
    count: AtomicU32,
    owner: AtomicU32,
    users: AtomicU32,
    kind: AtomicU32,
}

/// The lock that libc takes for each thread that it creates (`_dl_load_tls_lock`), and the loader for as long as it
/// loads something; 0 where that is not known. A forked child keeps it.
static CREATION: AtomicUsize = AtomicUsize::new(0);

/// Looks for it: the last of three locks that lie next to one another (glibc, `struct rtld_global`; version 2.34
/// may have two, and then nothing is known).
pub fn find_creation_lock() {
    const LOCKS: usize = 3;
    let are_locks = |place: usize| {
        (0..LOCKS).all(|index| {
            // SAFETY: mapped as long as the process lives; words that others may change.
            let lock = unsafe { &*(place as *const Whole).add(index) };
            lock.mutex.kind.load(Ordering::Relaxed) == libc::PTHREAD_MUTEX_RECURSIVE as u32
                && lock
                    .links
                    .iter()
                    .all(|link| link.load(Ordering::Relaxed) == 0)
        })
    };
    let found = segments()
        .filter(|(_, flags)| flags & libc::PF_W != 0)
        .find_map(|(range, _)| {
            let first = range.start.next_multiple_of(align_of::<Whole>());
            let end = range.end.saturating_sub(LOCKS * size_of::<Whole>());
            (first..=end)
                .step_by(align_of::<Whole>())
                .find(|place| are_locks(*place))
        });
    let lock = found.map_or(0, |first| first + (LOCKS - 1) * size_of::<Whole>());
    CREATION.store(lock, Ordering::Relaxed);
}

/// A `pthread_mutex_t` to its end.
#[repr(C, align(8))]
struct Whole {
    mutex: Mutex,
    /// Those of robust mutexes.
    links: [AtomicUsize; 2],
}

/// Whether there are namespaces beside the program's, each with a libc of its own, which is not patched: what gives back
/// the loader's mutexes there wakes nobody who is parked. A forked child keeps it.
static HAS_NAMESPACES: AtomicBool = AtomicBool::new(false);

/// There may be one soon.
pub fn expect_namespaces() {
    HAS_NAMESPACES.store(true, Ordering::Relaxed);
}

/// The caller is told of what was loaded, before any code of that runs, or nobody waits yet.
pub fn look_for_namespaces() {
    if link_map::has_namespaces() {
        expect_namespaces();
    }
}

/// Whether who waits for one of the loader's mutexes may park.
pub fn waiters_may_park() -> bool {
    !HAS_NAMESPACES.load(Ordering::Relaxed)
}

/// Whether the functions are patched by which the loader's mutexes are taken and given back.
pub fn locks_are_patched() -> bool {
    patch::have_all(&[patch::LOCK, patch::UNLOCK])
}

/// Whether who waits for one of the loader's mutexes parks.
pub fn waiters_park() -> bool {
    locks_are_patched() && waiters_may_park()
}

/// Whether [creation is barred](is_creation_barred) by who loads, as far as can be seen: it is looked for beside an allocator
/// of the program's own.
pub fn may_bar_creation() -> bool {
    CREATION.load(Ordering::Relaxed) != 0
}

/// Whether anybody keeps libc from creating threads.
pub fn is_creation_barred() -> bool {
    let lock = CREATION.load(Ordering::Relaxed) as *const Mutex;
    // SAFETY: as below.
    unsafe { lock.as_ref() }.is_some_and(|lock| lock.lock.load(Ordering::Relaxed) != 0)
}

/// Whether the thread whose id in its TCB is `id` keeps libc from creating threads.
#[inline]
pub fn bars_creation(id: u32) -> bool {
    let lock = CREATION.load(Ordering::Relaxed) as *const Mutex;
    // SAFETY: mapped as long as the process lives.
    unsafe { lock.as_ref() }.is_some_and(|lock| lock.owner.load(Ordering::Relaxed) == id)
}

/// Whether the caller, whose id in its TCB is `id`, holds one of the loader's locks. They are
/// recursive mutexes in its variables (`_dl_load_lock` and its kin in elf/dl-support.c), which know
/// their owner; where among them, depends on the version. Takes half a microsecond.
pub fn holds_lock(id: u32) -> bool {
    let is_held = |mutex: &Mutex| {
        mutex.owner.load(Ordering::Relaxed) == id
            && mutex.kind.load(Ordering::Relaxed) == libc::PTHREAD_MUTEX_RECURSIVE as u32
            && mutex.lock.load(Ordering::Relaxed) != 0
            && mutex.count.load(Ordering::Relaxed) != 0
    };
    segments()
        .filter(|(_, flags)| flags & libc::PF_W != 0)
        .any(|(range, _)| {
            let first = range.start.next_multiple_of(align_of::<Mutex>());
            let end = range.end.saturating_sub(size_of::<Mutex>());
            (first..=end)
                .step_by(align_of::<Mutex>())
                // SAFETY: mapped as long as the process lives; words that others may change.
                .any(|place| is_held(unsafe { &*(place as *const Mutex) }))
        })
}
