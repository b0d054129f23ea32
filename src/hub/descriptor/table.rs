//! The entries of all numbers.

use core::mem::size_of;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use super::{Descriptor, KNOWN, PRIVATE, early};
use crate::sys::lock::RawLock;
use crate::sys::pages;
use crate::sys::raw::syscall;

/// The table reserves this many entries; descriptors beyond block natively.
const CAPACITY: usize = 1 << 20;

static TABLE: AtomicPtr<Descriptor> = AtomicPtr::new(ptr::null_mut());
/// One more than the highest number that was ever looked up.
static TOUCHED: AtomicU32 = AtomicU32::new(0);

/// Reserves the table; called once, before the first green thread.
pub fn init() -> Result<(), i32> {
    if TABLE.load(Ordering::Relaxed).is_null() {
        let table = pages::reserve(CAPACITY * size_of::<Descriptor>()).ok_or(libc::ENOMEM)?;
        TABLE.store(table.cast(), Ordering::Release);
    }
    Ok(())
}

/// The entry of `fd`; `None` for numbers that cannot be descriptors of the
/// program or that lie beyond the table.
#[inline(always)]
pub fn get(fd: i32) -> Option<&'static Descriptor> {
    let table = TABLE.load(Ordering::Acquire);
    if table.is_null() || fd as u32 as usize >= CAPACITY {
        return None;
    }
    if fd as u32 >= TOUCHED.load(Ordering::Relaxed) {
        TOUCHED.fetch_max(fd as u32 + 1, Ordering::Relaxed);
    }
    // SAFETY: within the table, which is never unmapped; zeroed memory is a
    // valid entry.
    Some(unsafe { &*table.add(fd as usize) })
}

/// A hooked call has returned the new descriptor `fd`, or -1: begins its life.
pub fn made(fd: i32) -> i32 {
    match get(fd) {
        Some(entry) => entry.begin(fd),
        None => early::made(fd),
    }
    fd
}

/// The program is about to close `fd`, or to put another file there.
pub fn end(fd: i32) {
    match get(fd) {
        Some(entry) => entry.end(fd),
        None => early::forget(fd),
    }
}

/// The file of `fd` has got another number or another owner.
pub fn share(fd: i32) {
    match get(fd) {
        Some(entry) => entry.share(),
        None => early::forget(fd),
    }
}

/// All entries that may be other than fresh, with their numbers.
fn touched() -> impl Iterator<Item = (i32, &'static Descriptor)> {
    (0..TOUCHED.load(Ordering::Relaxed) as i32).filter_map(|fd| Some((fd, get(fd)?)))
}

/// Marks the descriptors that are open now as known, and those that hooked calls have
/// made as private unless somebody has got them since.
pub fn adopt_open() {
    let mut buffer = [0u8; 4096];
    // SAFETY: our own descriptor and buffer.
    unsafe {
        let directory = syscall!(
            SYS_open,
            c"/proc/self/fd".as_ptr(),
            libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC
        );
        if directory < 0 {
            return;
        }
        loop {
            let length = syscall!(SYS_getdents64, directory, buffer.as_mut_ptr(), buffer.len());
            if length <= 0 {
                break;
            }
            adopt_entries(&buffer[..length as usize]);
        }
        syscall!(SYS_close, directory);
        if let Some(entry) = get(directory as i32) {
            entry.flags.store(0, Ordering::Relaxed);
        }
    }
}

/// Reads `struct linux_dirent64`s (getdents(2)): length at 16, name at 19.
fn adopt_entries(mut entries: &[u8]) {
    while entries.len() > 19 {
        let length = usize::from(u16::from_ne_bytes([entries[16], entries[17]]));
        let name = entries[19..length]
            .split(|byte| *byte == 0)
            .next()
            .unwrap_or_default();
        let number = core::str::from_utf8(name)
            .ok()
            .and_then(|name| name.parse().ok());
        if let Some((fd, entry)) = number.and_then(|fd| Some((fd, get(fd)?))) {
            let private = if early::is_private(fd) { PRIVATE } else { 0 };
            entry.flags.store(KNOWN | private, Ordering::Relaxed);
        }
        entries = &entries[length..];
    }
}

/// After a fork every descriptor is shared between parent and child.
pub fn share_all() {
    early::forget_all();
    for (_, entry) in touched() {
        entry.share();
    }
}

/// Ends the lives of the numbers in `range`, which the program closes at once.
pub fn end_range(first: u32, last: u32) {
    early::forget_all();
    for (fd, entry) in touched().filter(|(fd, _)| (first..=last).contains(&(*fd as u32))) {
        entry.end(fd);
    }
}

/// Brings the table into a state that a forked child can use: no waiters, no
/// registrations, nothing private.
///
/// # Safety
/// The caller is the process's only thread.
pub unsafe fn reset() {
    for (_, entry) in touched() {
        // SAFETY: nobody else runs; a lock may have been held by a thread that
        // does not exist here.
        unsafe {
            ptr::from_ref(&entry.lock).cast_mut().write(RawLock::new());
            ptr::from_ref(&entry.turn).cast_mut().write(RawLock::new());
            for side in &entry.sides {
                *side.head.get() = ptr::null();
                *side.tail.get() = ptr::null();
                side.drained.store(0, Ordering::Relaxed);
            }
        }
        entry.held.store(0, Ordering::Relaxed);
        entry.share();
        entry.registered.store(0, Ordering::Relaxed);
    }
}
