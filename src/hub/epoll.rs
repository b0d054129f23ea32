//! The epoll descriptor itself.
//!
//! Every program descriptor is added once, edge-triggered, for both directions;
//! which thread an event wakes is the business of the
//! [`descriptor`](super::descriptor) table.

use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::own::{self, KICK, OPENINGS, SIGNALS};
use super::{eventfd, place, signals};
use crate::sys::clock::{self, NEVER};
use crate::sys::open_files;
use crate::sys::raw::syscall;

/// What a registration listens to. Hang-up and error come unasked.
const INTEREST: u32 =
    (libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLRDHUP | libc::EPOLLPRI | libc::EPOLLET) as u32;

/// Events taken from the kernel at once.
const BATCH: usize = 128;

const EEXIST: isize = -(libc::EEXIST as isize);
const EBADF: isize = -(libc::EBADF as isize);
const EPERM: isize = -(libc::EPERM as isize);

/// Counts hubs: a registration made with an earlier one (before a fork) is void. In a forked child
/// [`close_inherited`] counts on.
static EPOCH: AtomicU32 = AtomicU32::new(0);
/// Counts batches. A forked child counts on.
static POLLS: AtomicU32 = AtomicU32::new(0);
/// Whether anything was registered with the hub. A forked child sets it when it [opens](open) its
/// own.
static USED: AtomicBool = AtomicBool::new(false);
/// Whether there is no `epoll_pwait2(2)`. Nor is there in a forked child.
static NO_PWAIT2: AtomicBool = AtomicBool::new(false);

/// Opens the hub. On failure, an errno, and nothing is open.
pub fn open() -> Result<(), i32> {
    place::settle(make)?;
    EPOCH.fetch_add(1, Ordering::Relaxed);
    USED.store(false, Ordering::Relaxed);
    Ok(())
}

/// New descriptors: epoll, the eventfd in it, and one for signals. An errno, and nothing is
/// open.
fn make() -> Result<[i32; own::COUNT], i32> {
    let checked = |result: isize| match result {
        0.. => Ok(result as i32),
        _ => Err(-result as i32),
    };
    // SAFETY: creates a new descriptor.
    let epoll = checked(unsafe { syscall!(SYS_epoll_create1, libc::EPOLL_CLOEXEC) })?;
    let event = checked(eventfd::make());
    let ready = event.and_then(|event| {
        // Level-triggered: a glance of somebody else must not swallow the kick that is
        // meant for the one who waits.
        checked(own::add(epoll, event, libc::EPOLLIN, KICK))?;
        // What may be made may be useless nevertheless (seccomp(2)).
        checked(Events::new().fetch(epoll, 0))?;
        Ok([epoll, event, signals::make(), -1])
    });
    if ready.is_err() {
        for fd in [Ok(epoll), event].into_iter().flatten() {
            // SAFETY: closes our own descriptor.
            unsafe { syscall!(SYS_close, fd) };
        }
    }
    ready
}

/// Something is registered from here on.
pub(super) fn use_from_now_on() {
    USED.store(true, Ordering::Relaxed);
}

/// Closes the hub that a forked child has inherited: it is its parent's.
#[unsafe(link_section = "green_fork")]
pub fn close_inherited() {
    place::close();
    EPOCH.fetch_add(1, Ordering::Relaxed);
}

/// The number of the current hub; no two hubs of a process's ancestry share it.
pub fn epoch() -> u32 {
    EPOCH.load(Ordering::Relaxed)
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
/// watch (regular files), or if the program has closed the hub's descriptor by a system call
/// instruction of its own.
pub fn register(fd: i32, token: u64) -> isize {
    use_from_now_on();
    let mut interest = libc::epoll_event {
        events: INTEREST,
        u64: token,
    };
    let mut control = |operation| {
        let interest = &raw mut interest;
        // SAFETY: `interest` is live; a bad descriptor is an error, not UB.
        own::with(|epoll, _| unsafe { syscall!(SYS_epoll_ctl, epoll, operation, fd, interest) })
    };
    match control(libc::EPOLL_CTL_ADD) {
        // The same file was registered under this number before, and a duplicate
        // has kept it alive. A modification also asks for the state afresh.
        EEXIST => control(libc::EPOLL_CTL_MOD),
        EBADF if open_files::is_open(fd) => EPERM,
        result => result,
    }
}

/// Ends the registration of `fd`, if there is one.
pub fn unregister(fd: i32) {
    let mut unused = libc::epoll_event { events: 0, u64: 0 };
    let unused = &raw mut unused;
    // SAFETY: `unused` is live; failure means that there was none.
    own::with(|epoll, _| unsafe {
        syscall!(SYS_epoll_ctl, epoll, libc::EPOLL_CTL_DEL, fd, unused)
    });
}

/// An event: what [`register`] was given, and what has happened (`EPOLL*`).
#[derive(Clone, Copy)]
pub struct Event {
    /// The registration's token.
    pub token: u64,
    /// `EPOLL*`.
    pub events: u32,
}

/// A batch of events.
pub struct Events {
    buffer: [MaybeUninit<libc::epoll_event>; BATCH],
    count: usize,
}

impl Events {
    /// None.
    #[inline(always)]
    pub const fn new() -> Self {
        Self {
            buffer: [const { MaybeUninit::uninit() }; BATCH],
            count: 0,
        }
    }

    /// Those that the program's descriptors have brought.
    #[inline(always)]
    pub fn iter(&self) -> impl Iterator<Item = Event> {
        self.buffer[..self.count]
            .iter()
            // SAFETY: the kernel has filled the first `count` elements.
            .map(|event| unsafe { event.assume_init() })
            .map(|event| Event {
                token: event.u64,
                events: event.events,
            })
            .filter(|event| event.token < OPENINGS)
    }

    /// Whether a signal has been sent.
    #[inline(always)]
    pub fn has_signal(&self) -> bool {
        self.has(SIGNALS)
    }

    /// Whether a FIFO has been opened that somebody waits for.
    #[inline(always)]
    pub fn has_opening(&self) -> bool {
        own::has_openings() && self.has(OPENINGS)
    }

    #[inline(always)]
    fn has(&self, token: u64) -> bool {
        self.buffer[..self.count]
            .iter()
            // SAFETY: as above.
            .any(|event| unsafe { event.assume_init() }.u64 == token)
    }

    /// Takes the next batch. Waits for the first event for `limit` nanoseconds, 0 not at
    /// all, [`NEVER`] for ever. One thread at a time may wait; any may take without.
    pub fn take(&mut self, limit: u64) {
        own::with(|epoll, event| {
            self.count = self.fetch(epoll, limit).max(0) as usize;
            if limit > 0 && self.has(KICK) {
                // Before anybody else can wait and be kicked.
                eventfd::drain(event);
            }
        });
        POLLS.fetch_add(1, Ordering::Relaxed);
    }

    /// `epoll_pwait2(2)`, or what stands in for it: the number of events, or `-errno`.
    fn fetch(&mut self, epoll: i32, limit: u64) -> isize {
        if NO_PWAIT2.load(Ordering::Relaxed) {
            return self.fetch_by_millis(epoll, limit);
        }
        let time;
        let timeout: *const libc::timespec = match limit {
            NEVER => core::ptr::null(),
            nanos => {
                time = clock::to_timespec(nanos);
                &raw const time
            }
        };
        // SAFETY: the kernel fills at most BATCH elements of the buffer.
        let count = unsafe {
            syscall!(
                SYS_epoll_pwait2,
                epoll,
                self.buffer.as_mut_ptr(),
                BATCH,
                timeout,
                0usize,
                0usize
            )
        };
        if count >= 0 || count == -(libc::EINTR as isize) {
            return count;
        }
        // Linux before 5.11, or a seccomp profile from that time: whatever error that gives.
        NO_PWAIT2.store(true, Ordering::Relaxed);
        self.fetch_by_millis(epoll, limit)
    }

    /// The same in whole milliseconds, rounded up so as not to spin.
    #[cold]
    fn fetch_by_millis(&mut self, epoll: i32, limit: u64) -> isize {
        let millis = match limit {
            NEVER => -1,
            nanos => nanos.div_ceil(clock::MILLISECOND).min(i32::MAX as u64) as i64,
        };
        // SAFETY: as above.
        unsafe {
            syscall!(
                SYS_epoll_wait,
                epoll,
                self.buffer.as_mut_ptr(),
                BATCH,
                millis
            )
        }
    }
}
