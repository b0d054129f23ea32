//! The epoll descriptor itself, and the eventfd that interrupts a wait on it.
//!
//! Every program descriptor is added once, edge-triggered, for both directions;
//! which thread an event wakes is the business of the [`descriptor`] table.

use core::mem::MaybeUninit;
use core::slice;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};

use super::descriptor;
use crate::sys::clock::{self, NEVER};
use crate::sys::raw::syscall;

/// What a registration listens to. Hang-up and error come unasked.
const INTEREST: u32 =
    (libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLRDHUP | libc::EPOLLPRI | libc::EPOLLET) as u32;

/// The token of the hub's own eventfd.
const KICK: u64 = u64::MAX;

/// Events taken from the kernel at once.
const BATCH: usize = 128;

/// The hub's descriptors sit at or above this number, out of the way of
/// programs that count on getting low ones.
const HIGH: i32 = 1 << 16;

static EPOLL: AtomicI32 = AtomicI32::new(-1);
static EVENT: AtomicI32 = AtomicI32::new(-1);
/// Counts hubs: a registration made with an earlier one (before a fork) is void.
static EPOCH: AtomicU32 = AtomicU32::new(0);
/// Counts calls of [`poll`] that have returned.
static POLLS: AtomicU32 = AtomicU32::new(0);
static USED: AtomicBool = AtomicBool::new(false);

/// Duplicates `fd` to a number out of the program's way and closes it. Where the
/// limit on descriptors is lower than [`HIGH`], tries lower and lower.
fn raise(fd: i32) -> i32 {
    let mut floor = HIGH;
    while floor > fd {
        // SAFETY: duplicates and closes a descriptor that is ours.
        let high = unsafe { syscall!(SYS_fcntl, fd, libc::F_DUPFD_CLOEXEC, floor) };
        if high >= 0 {
            // SAFETY: as above.
            unsafe { syscall!(SYS_close, fd) };
            return high as i32;
        }
        floor -= floor / 16 + 1;
    }
    fd
}

/// Opens the hub. On failure, `-errno`, and nothing is open.
pub fn open() -> Result<(), i32> {
    // SAFETY: creates new descriptors.
    let epoll = unsafe { syscall!(SYS_epoll_create1, libc::EPOLL_CLOEXEC) };
    if epoll < 0 {
        return Err(-epoll as i32);
    }
    // SAFETY: as above.
    let event = unsafe { syscall!(SYS_eventfd2, 0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
    if event < 0 {
        // SAFETY: closes our own descriptor.
        unsafe { syscall!(SYS_close, epoll) };
        return Err(-event as i32);
    }
    let (epoll, event) = (raise(epoll as i32), raise(event as i32));
    // Level-triggered: a glance of somebody else must not swallow the kick that is
    // meant for the one who waits.
    let mut interest = libc::epoll_event {
        events: libc::EPOLLIN as u32,
        u64: KICK,
    };
    // SAFETY: `interest` is live.
    unsafe {
        syscall!(
            SYS_epoll_ctl,
            epoll,
            libc::EPOLL_CTL_ADD,
            event,
            &raw mut interest
        )
    };
    EPOLL.store(epoll, Ordering::Relaxed);
    EVENT.store(event, Ordering::Relaxed);
    EPOCH.fetch_add(1, Ordering::Relaxed);
    USED.store(false, Ordering::Relaxed);
    Ok(())
}

/// Closes the hub that a forked child has inherited: it is its parent's.
pub fn close_inherited() {
    for descriptor in [&EPOLL, &EVENT] {
        let fd = descriptor.swap(-1, Ordering::Relaxed);
        if fd >= 0 {
            // SAFETY: our own descriptor.
            unsafe { syscall!(SYS_close, fd) };
        }
    }
    EPOCH.fetch_add(1, Ordering::Relaxed);
}

/// The number of the current hub; no two hubs of a process's ancestry share it.
pub fn epoch() -> u32 {
    EPOCH.load(Ordering::Relaxed)
}

/// Whether `fd` is one of the hub's own, which the program must not touch.
pub fn is_ours(fd: i32) -> bool {
    fd >= 0 && (fd == EPOLL.load(Ordering::Relaxed) || fd == EVENT.load(Ordering::Relaxed))
}

/// Both of the hub's descriptors, -1 where there is none.
pub fn ours() -> [i32; 2] {
    [EPOLL.load(Ordering::Relaxed), EVENT.load(Ordering::Relaxed)]
}

/// How often the hub has been looked at.
pub fn polls() -> u32 {
    POLLS.load(Ordering::Relaxed)
}

/// Whether anything was ever registered with this hub.
pub fn is_used() -> bool {
    USED.load(Ordering::Relaxed)
}

/// Registers `fd`; events will carry `token`. `-EPERM` for what epoll cannot
/// watch (regular files).
pub fn register(fd: i32, token: u64) -> isize {
    USED.store(true, Ordering::Relaxed);
    let epoll = EPOLL.load(Ordering::Relaxed);
    let mut interest = libc::epoll_event {
        events: INTEREST,
        u64: token,
    };
    // SAFETY: `interest` is live; a bad descriptor is an error, not UB.
    let result = unsafe {
        syscall!(
            SYS_epoll_ctl,
            epoll,
            libc::EPOLL_CTL_ADD,
            fd,
            &raw mut interest
        )
    };
    if result != -(libc::EEXIST as isize) {
        return result;
    }
    // The same file was registered under this number before, and a duplicate
    // has kept it alive. A modification also asks for the state afresh.
    // SAFETY: as above.
    unsafe {
        syscall!(
            SYS_epoll_ctl,
            epoll,
            libc::EPOLL_CTL_MOD,
            fd,
            &raw mut interest
        )
    }
}

/// Ends the registration of `fd`, if there is one.
pub fn unregister(fd: i32) {
    let mut unused = libc::epoll_event { events: 0, u64: 0 };
    // SAFETY: `unused` is live; failure means that there was none.
    unsafe {
        syscall!(
            SYS_epoll_ctl,
            EPOLL.load(Ordering::Relaxed),
            libc::EPOLL_CTL_DEL,
            fd,
            &raw mut unused
        )
    };
}

/// Takes a batch of events and wakes those who waited for them; returns how many
/// woke. Waits for the first event for `wait` nanoseconds, 0 not at all,
/// [`NEVER`] for ever; `awake` runs when the wait is over.
pub fn poll(wait: u64, awake: impl FnOnce()) -> usize {
    let mut events = [const { MaybeUninit::<libc::epoll_event>::uninit() }; BATCH];
    let epoll = EPOLL.load(Ordering::Relaxed);
    let limit;
    let timeout: *const libc::timespec = match wait {
        NEVER => core::ptr::null(),
        nanos => {
            limit = clock::to_timespec(nanos);
            &raw const limit
        }
    };
    // SAFETY: the kernel fills at most BATCH elements of the buffer.
    let mut count = unsafe {
        syscall!(
            SYS_epoll_pwait2,
            epoll,
            events.as_mut_ptr(),
            BATCH,
            timeout,
            0usize,
            0usize
        )
    };
    if count == -(libc::ENOSYS as isize) {
        // Linux before 5.11: whole milliseconds, rounded up so as not to spin.
        let millis = match wait {
            NEVER => -1,
            nanos => nanos.div_ceil(clock::MILLISECOND).min(i32::MAX as u64) as i64,
        };
        // SAFETY: as above.
        count = unsafe {
            syscall!(
                SYS_epoll_pwait,
                epoll,
                events.as_mut_ptr(),
                BATCH,
                millis,
                0usize,
                0usize
            )
        };
    }
    // SAFETY: the kernel has filled the first `count` elements.
    let events = unsafe {
        slice::from_raw_parts(
            events.as_ptr().cast::<libc::epoll_event>(),
            count.max(0) as usize,
        )
    };
    if wait > 0 && events.iter().any(|event| event.u64 == KICK) {
        // Before anybody else can wait and be kicked.
        let mut count = 0u64;
        // SAFETY: `count` is live; the eventfd does not block.
        unsafe { syscall!(SYS_read, EVENT.load(Ordering::Relaxed), &raw mut count, 8) };
    }
    // With many connections an entry, its waiter's stack and its block are seldom in
    // the cache: they are fetched side by side instead of one after the other.
    for event in events {
        descriptor::fetch_entry(event.u64);
    }
    awake();
    POLLS.fetch_add(1, Ordering::Relaxed);
    for event in events {
        descriptor::fetch_waiter(event.u64);
    }
    events
        .iter()
        .filter(|event| event.u64 != KICK)
        .map(|event| descriptor::event(event.u64, event.events))
        .sum()
}

/// Makes a [`poll`] that waits, or the next one, return.
pub fn kick() {
    let one = 1u64;
    // SAFETY: `one` is live. Whoever is woken resets the counter, which does not
    // block at its limit.
    unsafe { syscall!(SYS_write, EVENT.load(Ordering::Relaxed), &raw const one, 8) };
}
