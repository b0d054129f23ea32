//! The table of descriptors: who waits on which, and what is known of it.
//!
//! An entry belongs to a descriptor *number*. What it says holds for one life
//! of that number, which its generation names: `close`, `dup2` and their kin end
//! a life. Edges are counted per direction. A waiter notes the count, tries its
//! operation, and parks only if the count is still the same: an edge between
//! the attempt and the parking is never lost.
//!
//! - this file: an entry; [`events`]: what the hub does with it;
//! - [`edges`]: a number's lives and their edges, waiting for one; [`queue`]: who waits, and
//!   whom an edge wakes;
//! - [`life`]: beginnings and ends of a number's lives; [`holds`]: who keeps one from ending;
//! - [`sharing`]: whether anybody else can have the file;
//! - [`status`]: what of the file's status is known without asking;
//! - [`table`]: the entries of all numbers;
//! - [`early`]: what stands in for it before the first green thread.

mod early;
mod edges;
mod events;
pub mod holds;
mod life;
mod queue;
mod sharing;
mod status;
mod table;

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicI32, AtomicU8, AtomicU32, AtomicU64, Ordering};

use super::class::Class;
use super::epoll;
use crate::task::lock::RawLock;
use crate::task::word::Wake;
use crate::task::{Critical, rank};
use crate::wait::woken::Woken;

use edges::Edges;
pub use edges::{Next, is_uncertain};
pub(super) use events::{event, fetch_entry, fetch_waiter, tell};
pub use queue::{Direction, Link, Role};
pub use sharing::{Moment, now, share_all};
pub use table::{
    adopt_open, await_holders, begin, end, ending, get, in_use, init, share, status_changed, unlock,
};

/// An entry of the table.
#[repr(C, align(64))]
pub struct Descriptor {
    edges: Edges,
    /// The hub epoch that the number is registered in, 0 for none.
    registered: AtomicU32,
    class: AtomicU8,
    flags: AtomicU8,
    /// The moment since which nobody else has the file, 0 if others may; see [`sharing`].
    private: AtomicU32,
    /// 1 while the cached status flag and time-outs hold.
    status_known: AtomicU32,
    /// For what is a check and an act: accept, and changes of the status flags.
    pub turn: RawLock<{ rank::TURN }>,
    /// The kernel thread that makes a call which may wait, 0 for none; see [`holds`].
    entering: AtomicI32,
    receive_timeout: AtomicU64,
    send_timeout: AtomicU64,
}

/// The other end is gone, or something urgent is about: a short read no longer
/// means that nothing is left.
const ENDING: u8 = 1;
/// Made by a hooked call: the number cannot have been closed and reused behind
/// our back.
const KNOWN: u8 = 2;
/// The cached `O_NONBLOCK`.
const NONBLOCK: u8 = 4;
/// Of the ways to try without blocking the one for reads is none for writes (eventfds).
const WRITES_POLL_FIRST: u8 = 8;

impl Descriptor {
    /// The name of the number's current life.
    #[inline(always)]
    pub fn generation(&self) -> u32 {
        self.edges.generation()
    }

    /// Edges seen so far in `direction`: note it before an attempt.
    #[inline(always)]
    pub fn edges(&self, direction: Direction) -> u32 {
        self.edges.count(direction)
    }

    /// Whether the number cannot have been closed and reused behind our back.
    #[inline(always)]
    pub fn is_known(&self) -> bool {
        self.flags.load(Ordering::Relaxed) & KNOWN != 0
    }

    /// Whether a hang-up, an error or urgent data was announced in this life.
    #[inline(always)]
    pub fn is_ending(&self) -> bool {
        self.flags.load(Ordering::Relaxed) & ENDING != 0
    }

    /// What the descriptor is.
    #[inline(always)]
    pub fn class(&self, fd: i32) -> Class {
        match Class::from_byte(self.class.load(Ordering::Relaxed)) {
            Class::Unknown => self.classify(fd),
            class => class,
        }
    }

    /// What it is, as far as somebody has asked.
    pub fn known_class(&self) -> Class {
        Class::from_byte(self.class.load(Ordering::Relaxed))
    }

    #[cold]
    fn classify(&self, fd: i32) -> Class {
        let generation = self.generation();
        // A number that may be reused behind our back is asked each time.
        let is_known = self.is_known();
        let class = Class::of(fd, || self.register(fd) != Err(libc::EPERM));
        if is_known {
            self.note_class(generation, class);
        }
        class
    }

    /// The file of the life `generation` is a `class`: not that of another one, which has the number by now.
    fn note_class(&self, generation: u32, class: Class) {
        let _critical = Critical::enter();
        self.edges.in_this_life(|now| {
            if now == generation {
                self.class.store(class as u8, Ordering::Relaxed);
            }
        });
    }

    /// Whether `RWF_NOWAIT` is worth a try in `direction`.
    pub fn can_skip_waiting(&self, fd: i32, direction: Direction) -> bool {
        self.class(fd) == Class::NoWait
            && (direction == Direction::Read
                || self.flags.load(Ordering::Relaxed) & WRITES_POLL_FIRST == 0)
    }

    /// The kernel does not know `RWF_NOWAIT` of the file in `direction`.
    #[cold]
    pub fn cannot_skip_waiting(&self, fd: i32, direction: Direction) {
        let generation = self.generation();
        match direction {
            _ if !self.is_known() => {}
            Direction::Read => {
                if self.class(fd) == Class::NoWait {
                    self.note_class(generation, Class::polled(fd));
                }
            }
            Direction::Write => {
                self.flags.fetch_or(WRITES_POLL_FIRST, Ordering::Relaxed);
            }
        }
    }

    /// How many bytes a read must have room for, where the kernel does not know `RWF_NOWAIT`: with
    /// less it fails at once.
    pub fn least_room(&self, fd: i32) -> usize {
        self.polled(fd).least_room()
    }

    /// Whether a read never waits, whatever a look says, where the kernel does not know `RWF_NOWAIT`.
    pub fn reads_at_once(&self, fd: i32) -> bool {
        self.polled(fd) == Class::Disk
    }

    /// What it is, where the kernel does not know `RWF_NOWAIT`.
    fn polled(&self, fd: i32) -> Class {
        match self.class(fd) {
            // Of a number that is asked each time.
            Class::NoWait => Class::polled(fd),
            class => class,
        }
    }

    /// Whether nothing has arrived since the descriptor was drained.
    #[inline(always)]
    pub fn is_drained(&self, direction: Direction, edges: u32) -> bool {
        self.edges.is_drained(direction, edges)
    }

    /// Notes that an attempt which began at `edges` took all there was.
    #[inline(always)]
    pub fn set_drained(&self, direction: Direction, edges: u32) {
        // An end of file is announced once only: after that always ask. And
        // before the registration nothing announces anything.
        if self.flags.load(Ordering::Relaxed) & (ENDING | KNOWN) == KNOWN
            && self.registered.load(Ordering::Relaxed) == epoll::epoch()
        {
            self.edges.set_drained(direction, edges);
        }
    }

    /// Sees to it that events of `fd` reach this entry. An errno when they cannot.
    pub fn register(&self, fd: i32) -> Result<(), i32> {
        let known = self.is_known();
        // A number of unknown origin may have been closed and reused behind our
        // back (by libc itself), which silently ends a registration.
        if known && self.registered.load(Ordering::Relaxed) == epoll::epoch() {
            return Ok(());
        }
        let _critical = Critical::enter();
        let result = self.edges.in_this_life(|generation| {
            let token = u64::from(generation) << 32 | fd as u32 as u64;
            let result = epoll::register(fd, token);
            if result == 0 {
                self.registered.store(epoll::epoch(), Ordering::Relaxed);
            }
            result
        });
        if result < 0 {
            Err(-result as i32)
        } else {
            Ok(())
        }
    }

    /// Events of `fd` need not reach this entry any more, as long as nobody waits here.
    #[inline]
    pub fn unregister_if_idle(&self, fd: i32) {
        if self.registered.load(Ordering::Relaxed) == epoll::epoch() {
            self.unregister(fd);
        }
    }

    #[cold]
    fn unregister(&self, fd: i32) {
        let _critical = Critical::enter();
        self.edges.in_this_life(|_| {
            let is_awaited = [Direction::Read, Direction::Write]
                .iter()
                .any(|direction| self.is_awaited(*direction));
            if !is_awaited && self.registered.swap(0, Ordering::Relaxed) == epoll::epoch() {
                epoll::unregister(fd);
            }
        });
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
        // SAFETY: as the caller promises.
        unsafe { self.edges.enqueue(direction, generation, edges, link) }
    }

    /// Takes `link` out of the queue of `direction` if it is still there.
    pub fn withdraw(&self, direction: Direction, link: &UnsafeCell<Link>) {
        self.edges.withdraw(direction, link);
    }

    /// Whether somebody waits in `direction`; he who comes later tries for himself first.
    #[inline(always)]
    pub fn is_awaited(&self, direction: Direction) -> bool {
        !self.edges.first(direction).is_null()
    }

    /// An edge that nothing has announced: all who wait in `direction`, or are about to, try again. The
    /// caller is critical.
    pub fn retry(&self, direction: Direction, woken: &mut Woken) {
        let directions = [direction == Direction::Read, direction == Direction::Write];
        let generation = self.generation();
        self.edges.event(generation, directions, true, woken, || ());
    }

    /// After a success: another consumer may find something, too. The caller is critical.
    #[cold]
    pub fn pass_on(&self, direction: Direction, woken: &mut Woken) {
        self.edges.pass_on(direction, woken);
    }
}
