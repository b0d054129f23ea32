//! The table of descriptors: who waits on which, and what is known of it.
//!
//! An entry belongs to a descriptor *number*. What it says holds for one life
//! of that number, which its generation names: `close`, `dup2` and their kin end
//! a life. Edges are counted per direction. A waiter notes the count, tries its
//! operation, and parks only if the count is still the same: an edge between
//! the attempt and the parking is never lost.

use core::cell::UnsafeCell;
use core::mem::size_of;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU8, AtomicU32, AtomicU64, Ordering};

use super::class::Class;
use super::epoll;
use crate::sys::clock::{Instant, NEVER};
use crate::sys::lock::RawLock;
use crate::sys::pages;
use crate::sys::raw::syscall;
use crate::thread::wait::Wake;
use crate::thread::{Critical, Thread};

/// A direction of readiness.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(usize)]
pub enum Direction {
    /// Data, a connection, end of file, or an error can be read.
    Read = 0,
    /// Space, or the end of a connection attempt.
    Write = 1,
}

/// Who a waiter is, for deciding whom an edge wakes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Takes what the edge announces; one is woken, and passes the rest on.
    Consumer,
    /// Only wants to know (`poll`, `select`); all are woken.
    Observer,
}

/// A waiter's link in a descriptor's queue. Lives on the waiter's stack.
pub struct Link {
    next: *const Link,
    previous: *const Link,
    thread: &'static Thread,
    role: Role,
    linked: bool,
}

impl Link {
    /// A link for `thread`, in no queue.
    pub const fn new(thread: &'static Thread, role: Role) -> UnsafeCell<Self> {
        UnsafeCell::new(Self {
            next: ptr::null(),
            previous: ptr::null(),
            thread,
            role,
            linked: false,
        })
    }
}

/// One direction of an entry.
struct Side {
    /// Edges seen. Written under the lock, read without.
    edges: AtomicU32,
    /// The edge count at which the descriptor was last found drained, plus one.
    drained: AtomicU32,
    head: UnsafeCell<*const Link>,
    tail: UnsafeCell<*const Link>,
}

/// An entry of the table.
#[repr(C, align(64))]
pub struct Descriptor {
    lock: RawLock,
    /// Names the current life of the number.
    generation: AtomicU32,
    /// The hub epoch that the number is registered in, 0 for none.
    registered: AtomicU32,
    class: AtomicU8,
    flags: AtomicU8,
    /// 1 while the cached status flag and time-outs hold.
    status_known: AtomicU32,
    /// Non-blocking system calls under way that must not meet another file.
    held: AtomicU32,
    /// For operations that are a check and an act (accept).
    pub turn: RawLock,
    receive_timeout: AtomicU64,
    send_timeout: AtomicU64,
    sides: [Side; 2],
}

// SAFETY: the queues are only touched under `lock`; the rest is atomic.
unsafe impl Sync for Descriptor {}

/// The other end is gone, or something urgent is about: a short read no longer
/// means that nothing is left.
const ENDING: u8 = 1;
/// Made by a hooked call: the number cannot have been closed and reused behind
/// our back.
const KNOWN: u8 = 2;
/// The file has this one number, in this process only: nobody else changes its
/// status flags.
const PRIVATE: u8 = 4;
/// The cached `O_NONBLOCK`.
const NONBLOCK: u8 = 8;
/// `O_NONBLOCK` is set by a `connect` of ours, and not to be seen.
const CONNECTING: u8 = 16;

/// How often `end` gives way to holders before it goes on.
const HOLDER_PATIENCE: u32 = 1000;

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
    if let Some(entry) = get(fd) {
        entry.begin(fd);
    }
    fd
}

/// All entries that may be other than fresh, with their numbers.
fn touched() -> impl Iterator<Item = (i32, &'static Descriptor)> {
    (0..TOUCHED.load(Ordering::Relaxed) as i32).filter_map(|fd| Some((fd, get(fd)?)))
}

impl Side {
    /// # Safety
    /// The entry's lock is held and `link` is in no queue.
    unsafe fn push(&self, link: *mut Link) {
        // SAFETY: under the lock; linked links live.
        unsafe {
            (*link).next = ptr::null();
            (*link).previous = *self.tail.get();
            (*link).linked = true;
            if (*self.tail.get()).is_null() {
                *self.head.get() = link;
            } else {
                (*(*self.tail.get()).cast_mut()).next = link;
            }
            *self.tail.get() = link;
        }
    }

    /// # Safety
    /// The entry's lock is held and `link` is in this queue.
    unsafe fn remove(&self, link: *mut Link) {
        // SAFETY: under the lock; linked links live.
        unsafe {
            let (next, previous) = ((*link).next, (*link).previous);
            if previous.is_null() {
                *self.head.get() = next;
            } else {
                (*previous.cast_mut()).next = next;
            }
            if next.is_null() {
                *self.tail.get() = previous;
            } else {
                (*next.cast_mut()).previous = previous;
            }
            (*link).linked = false;
        }
    }

    /// Wakes every observer and the first consumer (or, with `all`, everybody);
    /// returns how many woke.
    ///
    /// # Safety
    /// The entry's lock is held.
    unsafe fn wake(&self, reason: Wake, all: bool) -> usize {
        let mut woken = 0;
        let mut consumer = all;
        // SAFETY: under the lock; linked links live. A claimed thread's link is
        // not touched again.
        unsafe {
            let mut cursor = *self.head.get();
            while !cursor.is_null() {
                let link = cursor.cast_mut();
                cursor = (*link).next;
                let is_consumer = (*link).role == Role::Consumer;
                if is_consumer && consumer && !all {
                    continue;
                }
                let thread = (*link).thread;
                self.remove(link);
                if thread.wake(reason) {
                    woken += 1;
                    consumer |= is_consumer;
                }
            }
        }
        woken
    }
}

impl Descriptor {
    fn side(&self, direction: Direction) -> &Side {
        &self.sides[direction as usize]
    }

    /// The name of the number's current life.
    #[inline(always)]
    pub fn generation(&self) -> u32 {
        self.generation.load(Ordering::Acquire)
    }

    /// Edges seen so far in `direction`: note it before an attempt.
    #[inline(always)]
    pub fn edges(&self, direction: Direction) -> u32 {
        // Acquire pairs with the Release in `event`.
        self.side(direction).edges.load(Ordering::Acquire)
    }

    /// What the descriptor is.
    #[inline(always)]
    pub fn class(&self, fd: i32) -> Class {
        match Class::from_byte(self.class.load(Ordering::Relaxed)) {
            Class::Unknown => self.classify(fd),
            class => class,
        }
    }

    #[cold]
    fn classify(&self, fd: i32) -> Class {
        let class = Class::of(fd);
        // Of a number that may be reused behind our back only the sockets and
        // pipes are remembered: trying those the wrong way is an error, and noticed.
        if class != Class::Disk || self.flags.load(Ordering::Relaxed) & KNOWN != 0 {
            self.class.store(class as u8, Ordering::Relaxed);
        }
        class
    }

    /// Corrects a class that turned out wrong.
    #[cold]
    pub fn reclassify(&self, class: Class) {
        self.class.store(class as u8, Ordering::Relaxed);
    }

    /// Whether nothing has arrived since the descriptor was drained.
    #[inline(always)]
    pub fn is_drained(&self, direction: Direction, edges: u32) -> bool {
        self.side(direction).drained.load(Ordering::Relaxed) == edges.wrapping_add(1)
    }

    /// Notes that an attempt which began at `edges` took all there was.
    #[inline(always)]
    pub fn set_drained(&self, direction: Direction, edges: u32) {
        // An end of file is announced once only: after that always ask. And
        // before the registration nothing announces anything.
        if self.flags.load(Ordering::Relaxed) & (ENDING | KNOWN) == KNOWN
            && self.registered.load(Ordering::Relaxed) == epoll::epoch()
        {
            self.side(direction)
                .drained
                .store(edges.wrapping_add(1), Ordering::Relaxed);
        }
    }

    /// Sees to it that events of `fd` reach this entry. `-errno` when they cannot.
    pub fn register(&self, fd: i32) -> Result<(), i32> {
        let known = self.flags.load(Ordering::Relaxed) & KNOWN != 0;
        // A number of unknown origin may have been closed and reused behind our
        // back (by libc itself), which silently ends a registration.
        if known && self.registered.load(Ordering::Relaxed) == epoll::epoch() {
            return Ok(());
        }
        let _critical = Critical::enter();
        self.lock.lock();
        let token = u64::from(self.generation.load(Ordering::Relaxed)) << 32 | fd as u32 as u64;
        let result = epoll::register(fd, token);
        if result == 0 {
            self.registered.store(epoll::epoch(), Ordering::Relaxed);
        }
        self.lock.unlock();
        if result < 0 {
            Err(-result as i32)
        } else {
            Ok(())
        }
    }

    /// Puts `link` into the queue of `direction`, unless since `generation` and
    /// `edges` were noted the descriptor was closed or an edge came.
    ///
    /// # Safety
    /// `link` is in no queue, stays where it is, and is withdrawn before it goes.
    /// The caller is in a critical section.
    pub unsafe fn enqueue(
        &self,
        direction: Direction,
        generation: u32,
        edges: u32,
        link: &UnsafeCell<Link>,
    ) -> Result<(), Wake> {
        let side = self.side(direction);
        self.lock.lock();
        let result = if self.generation.load(Ordering::Relaxed) != generation {
            Err(Wake::Closed)
        } else if side.edges.load(Ordering::Relaxed) != edges {
            Err(Wake::Ready)
        } else {
            // SAFETY: under the lock; as the caller promises.
            unsafe { side.push(link.get()) };
            Ok(())
        };
        self.lock.unlock();
        result
    }

    /// Takes `link` out of the queue of `direction` if it is still there.
    pub fn withdraw(&self, direction: Direction, link: &UnsafeCell<Link>) {
        self.lock.lock();
        // SAFETY: `linked` and the queue are guarded by the lock.
        unsafe {
            if (*link.get()).linked {
                self.side(direction).remove(link.get());
            }
        }
        self.lock.unlock();
    }

    /// Parks `me` until an edge in `direction` after `edges`, or `deadline`.
    #[inline]
    pub fn wait(
        &self,
        me: &'static Thread,
        direction: Direction,
        generation: u32,
        edges: u32,
        deadline: Instant,
    ) -> Wake {
        let _critical = Critical::enter();
        let link = Link::new(me, Role::Consumer);
        me.arm();
        // SAFETY: withdrawn below unless the waker has unlinked it.
        if let Err(reason) = unsafe { self.enqueue(direction, generation, edges, &link) } {
            return reason;
        }
        let reason = me.commit(deadline);
        if matches!(reason, Wake::Timeout | Wake::Interrupted) {
            self.withdraw(direction, &link);
        }
        reason
    }

    /// After a success: another consumer may find something, too.
    #[inline(always)]
    pub fn pass_on(&self, direction: Direction) {
        // SAFETY: a racy look; a waiter that comes later tries for itself first.
        if unsafe { !ptr::read_volatile(self.side(direction).head.get()).is_null() } {
            self.pass_on_slow(direction);
        }
    }

    #[cold]
    fn pass_on_slow(&self, direction: Direction) {
        let _critical = Critical::enter();
        self.lock.lock();
        // SAFETY: under the lock.
        unsafe { self.side(direction).wake(Wake::Ready, false) };
        self.lock.unlock();
    }

    /// The number has just been made by a hooked call: a new life begins.
    pub fn begin(&self, fd: i32) {
        let stale =
            self.registered.load(Ordering::Relaxed) | u32::from(self.flags.load(Ordering::Relaxed));
        if stale != 0 || self.class.load(Ordering::Relaxed) != Class::Unknown as u8 {
            // The life before ended behind our back.
            self.end(fd);
        }
        self.flags.store(PRIVATE | KNOWN, Ordering::Relaxed);
    }

    /// For the length of a `connect`: `O_NONBLOCK` is ours, not the program's.
    pub fn set_connecting(&self, connecting: bool) {
        if connecting {
            self.flags.fetch_or(CONNECTING, Ordering::SeqCst);
        } else {
            self.flags.fetch_and(!CONNECTING, Ordering::SeqCst);
        }
    }

    /// Whether `O_NONBLOCK` is on the file for the sake of a `connect` only.
    pub fn is_connecting(&self) -> bool {
        self.flags.load(Ordering::SeqCst) & CONNECTING != 0
    }

    /// The file has got another number or another owner.
    pub fn share(&self) {
        self.flags.fetch_and(!PRIVATE, Ordering::Relaxed);
    }

    /// Keeps the number from being closed for the length of a system call that
    /// does not block, if it still has the life `generation`.
    #[inline(always)]
    pub fn hold(&self, generation: u32) -> bool {
        // SeqCst pairs with `end`, which changes the generation and then looks
        // for holders.
        self.held.fetch_add(1, Ordering::SeqCst);
        let same = self.generation.load(Ordering::SeqCst) == generation;
        if !same {
            self.let_go();
        }
        same
    }

    /// The end of what [`hold`](Self::hold) has begun.
    #[inline(always)]
    pub fn let_go(&self) {
        self.held.fetch_sub(1, Ordering::Release);
    }

    /// Waits for those who hold the number. Only a call that blocks against
    /// expectation (another process was faster) takes longer than a moment; that
    /// one has its file already.
    fn await_holders(&self) {
        for _ in 0..HOLDER_PATIENCE {
            if self.held.load(Ordering::SeqCst) == 0 {
                return;
            }
            // SAFETY: no arguments.
            unsafe { syscall!(SYS_sched_yield) };
        }
    }

    /// Ends the number's current life: whoever waits on it learns so. Called
    /// before the descriptor is closed or replaced.
    pub fn end(&self, fd: i32) {
        let _critical = Critical::enter();
        self.lock.lock();
        self.generation.fetch_add(1, Ordering::SeqCst);
        let flags = self.flags.swap(0, Ordering::Relaxed);
        if self.registered.swap(0, Ordering::Relaxed) == epoll::epoch() && flags & PRIVATE == 0 {
            // The kernel drops a registration with the last reference to the
            // file, and others may hold references.
            epoll::unregister(fd);
        }
        self.class.store(Class::Unknown as u8, Ordering::Relaxed);
        self.status_changed();
        for side in &self.sides {
            side.drained.store(0, Ordering::Relaxed);
            side.edges.fetch_add(1, Ordering::Release);
            // SAFETY: under the lock.
            unsafe { side.wake(Wake::Closed, true) };
        }
        self.lock.unlock();
        self.await_holders();
    }

    /// Reads the status flags and time-outs unless what was read before holds.
    fn refresh(&self, fd: i32) {
        let private = self.flags.load(Ordering::Relaxed) & PRIVATE != 0;
        if private && self.status_known.load(Ordering::Relaxed) == 1 {
            return;
        }
        // Before the look: a change meanwhile is not missed.
        self.status_known.store(1, Ordering::SeqCst);
        // SAFETY: only reads flags.
        let flags = unsafe { syscall!(SYS_fcntl, fd, libc::F_GETFL) };
        if flags >= 0 && flags as i32 & libc::O_NONBLOCK != 0 && !self.is_connecting() {
            self.flags.fetch_or(NONBLOCK, Ordering::Relaxed);
        } else {
            self.flags.fetch_and(!NONBLOCK, Ordering::Relaxed);
        }
        let socket = matches!(self.class(fd), Class::Tcp | Class::Socket);
        for (option, cached) in [
            (libc::SO_RCVTIMEO, &self.receive_timeout),
            (libc::SO_SNDTIMEO, &self.send_timeout),
        ] {
            cached.store(
                if socket {
                    socket_timeout(fd, option)
                } else {
                    0
                },
                Ordering::Relaxed,
            );
        }
    }

    /// The program has changed a status flag or a time-out.
    pub fn status_changed(&self) {
        self.status_known.store(0, Ordering::SeqCst);
    }

    /// Whether the program has set `O_NONBLOCK`.
    pub fn is_nonblocking(&self, fd: i32) -> bool {
        self.refresh(fd);
        self.flags.load(Ordering::Relaxed) & NONBLOCK != 0
    }

    /// When an operation that begins now gives up: `SO_RCVTIMEO`, `SO_SNDTIMEO`.
    pub fn deadline(&self, fd: i32, direction: Direction) -> Instant {
        self.refresh(fd);
        let cached = match direction {
            Direction::Read => &self.receive_timeout,
            Direction::Write => &self.send_timeout,
        };
        match cached.load(Ordering::Relaxed) {
            0 => NEVER,
            timeout => crate::sys::clock::after(timeout),
        }
    }
}

/// A socket's time-out option in nanoseconds, 0 for none.
fn socket_timeout(fd: i32, option: i32) -> u64 {
    let mut time = libc::timeval {
        tv_sec: 0,
        tv_usec: 0,
    };
    let mut length = size_of::<libc::timeval>() as libc::socklen_t;
    // SAFETY: `time` and `length` are live.
    let result = unsafe {
        syscall!(
            SYS_getsockopt,
            fd,
            libc::SOL_SOCKET,
            option,
            &raw mut time,
            &raw mut length
        )
    };
    if result < 0 {
        0
    } else {
        time.tv_sec as u64 * 1_000_000_000 + time.tv_usec as u64 * 1_000
    }
}

/// Takes an event from the hub; returns how many threads it woke.
pub(super) fn event(token: u64, events: u32) -> usize {
    let Some(entry) = get(token as u32 as i32) else {
        return 0;
    };
    let has = |bits: i32| events & bits as u32 != 0;
    entry.lock.lock();
    let mut woken = 0;
    if entry.generation.load(Ordering::Relaxed) == (token >> 32) as u32 {
        if has(libc::EPOLLRDHUP | libc::EPOLLHUP | libc::EPOLLERR | libc::EPOLLPRI) {
            entry.flags.fetch_or(ENDING, Ordering::Relaxed);
        }
        let over = has(libc::EPOLLHUP | libc::EPOLLERR);
        for (direction, awaited) in [
            (
                Direction::Read,
                libc::EPOLLIN | libc::EPOLLRDHUP | libc::EPOLLPRI,
            ),
            (Direction::Write, libc::EPOLLOUT),
        ] {
            if over || has(awaited) {
                let side = entry.side(direction);
                // Release pairs with the Acquire in `edges`.
                side.edges.fetch_add(1, Ordering::Release);
                // SAFETY: under the lock.
                woken += unsafe { side.wake(Wake::Ready, over) };
            }
        }
    }
    entry.lock.unlock();
    woken
}

/// Marks the descriptors that are open now, before the first hooked call that
/// knows of numbers, as known but of unknown sharing.
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
        if let Some(entry) = number.and_then(get) {
            entry.flags.store(KNOWN, Ordering::Relaxed);
        }
        entries = &entries[length..];
    }
}

/// After a fork every descriptor is shared between parent and child.
pub fn share_all() {
    for (_, entry) in touched() {
        entry.share();
    }
}

/// Ends the lives of the numbers in `range`, which the program closes at once.
pub fn end_range(first: u32, last: u32) {
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
