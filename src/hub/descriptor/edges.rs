//! The lives of a descriptor number, by the names that they have (generations), and the edges
//! seen in the present one.
//!
//! | generation | means |
//! | --- | --- |
//! | even | a life |
//! | odd | it is being closed, or another file is being put there: the number means the old file, or the new one or none |
//!
//! Nobody can tell which of them an operation has met that began meanwhile. If it has
//! transferred nothing yet it begins anew when it learns that its life is over.
//!
//! | transition | by | where | changes |
//! | --- | --- | --- | --- |
//! | [`event`](Edges::event) | the hub | in the life that it is of | edges + 1; claims a consumer, and observers |
//! | [`end`](Edges::end) | who closes or replaces the number | | generation + 2, or to the next odd one; edges + 1; claims all |
//! | [`hold`](Edges::hold) | an attempt | in the life that it began in, else taken back | held + 1 |
//! | [`let_go`](Edges::let_go) | its end | | held − 1 |
//! | [`enqueue`](Edges::enqueue) | a waiter | while generation and edges are as noted | none |

use core::cell::UnsafeCell;

use super::queue::{Direction, Link, Side};
use crate::sys::atomic::{AtomicU32, Ordering, sequential};
use crate::task::lock::Locked;
use crate::task::rank;
use crate::task::word::Wake;
use crate::wait::woken::Woken;

/// What follows the end of a life.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Nothing, or what is not known of.
    Unknown,
    /// A moment in which the number may mean the old file or none.
    Closing,
    /// One in which it may mean either of two files.
    Replacement,
    /// The life of a file that has other numbers or owners as well.
    Shared,
}

/// Whether the number had no certain meaning when `generation` was its life's name.
pub fn is_uncertain(generation: u32) -> bool {
    generation & 1 != 0
}

/// A number's lives, its edges, and who waits for one. All zeros is a fresh number.
#[derive(Default)]
pub struct Edges {
    lock: Locked<(), { rank::DESCRIPTOR }>,
    /// Names the current life of the number. Written under the lock.
    generation: AtomicU32,
    /// Non-blocking system calls under way that must not meet another file.
    held: AtomicU32,
    sides: [Side; 2],
}

impl Edges {
    #[inline(always)]
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
    pub fn count(&self, direction: Direction) -> u32 {
        // Acquire pairs with the Release in `event`.
        self.side(direction).edges.load(Ordering::Acquire)
    }

    /// Whether nothing has arrived since the descriptor was drained.
    #[inline(always)]
    pub fn is_drained(&self, direction: Direction, edges: u32) -> bool {
        self.side(direction).drained.load(Ordering::Relaxed) == edges.wrapping_add(1)
    }

    /// Notes that an attempt which began at `edges` took all there was.
    #[inline(always)]
    pub fn set_drained(&self, direction: Direction, edges: u32) {
        self.side(direction)
            .drained
            .store(edges.wrapping_add(1), Ordering::Relaxed);
    }

    /// Calls `act` with the name of the current life, which does not end meanwhile.
    pub fn in_this_life<R>(&self, act: impl FnOnce(u32) -> R) -> R {
        self.lock
            .with(|()| act(self.generation.load(Ordering::Relaxed)))
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
        self.lock.with(|()| {
            if self.generation.load(Ordering::Relaxed) != generation {
                Err(Wake::Closed)
            } else if side.edges.load(Ordering::Relaxed) != edges {
                Err(Wake::Ready)
            } else {
                // SAFETY: under the lock; as the caller promises.
                unsafe { side.push(link.get()) };
                Ok(())
            }
        })
    }

    /// Takes `link` out of the queue of `direction` if it is still there.
    pub fn withdraw(&self, direction: Direction, link: &UnsafeCell<Link>) {
        // SAFETY: `linked` and the queue are guarded by the lock.
        self.lock.with(|()| unsafe {
            if (*link.get()).linked {
                self.side(direction).remove(link.get());
            }
        });
    }

    /// Who has waited longest in `direction`: for a look at the address alone.
    #[inline(always)]
    pub fn first(&self, direction: Direction) -> *const Link {
        self.side(direction).head.load(Ordering::Relaxed)
    }

    /// After a success: another consumer may find something, too. The caller is critical.
    pub fn pass_on(&self, direction: Direction, woken: &mut Woken) {
        self.lock.with(|()| {
            // SAFETY: under the lock.
            unsafe { self.side(direction).claim(Wake::Ready, false, woken) };
        });
    }

    /// An edge of the life `generation` in these `directions`. Does nothing if that is over,
    /// else calls `noted` first. `all` are woken, or one consumer.
    #[inline(always)]
    pub fn event(
        &self,
        generation: u32,
        directions: [bool; 2],
        all: bool,
        woken: &mut Woken,
        noted: impl FnOnce(),
    ) {
        self.lock.with(|()| {
            if self.generation.load(Ordering::Relaxed) != generation {
                return;
            }
            noted();
            for (side, is_ready) in self.sides.iter().zip(directions) {
                if is_ready {
                    // Release pairs with the Acquire in `count`.
                    side.edges.fetch_add(1, Ordering::Release);
                    // SAFETY: under the lock.
                    unsafe { side.claim(Wake::Ready, all, woken) };
                }
            }
        });
    }

    /// Ends the current life, if its name `is_meant`, to go on with `next`, and calls `forget` before anybody
    /// learns so. The name of the one that follows. The caller is critical.
    pub fn end(
        &self,
        is_meant: impl FnOnce(u32) -> bool,
        next: Next,
        woken: &mut Woken,
        forget: impl FnOnce(),
    ) -> u32 {
        self.lock.with(|()| {
            let generation = self.generation.load(Ordering::Relaxed);
            if !is_meant(generation) {
                return generation;
            }
            let following = match next {
                Next::Closing | Next::Replacement => generation.wrapping_add(2) | 1,
                Next::Unknown | Next::Shared => generation.wrapping_add(2) & !1,
            };
            // SeqCst pairs with `hold`.
            self.generation.store(following, Ordering::SeqCst);
            forget();
            for side in &self.sides {
                side.drained.store(0, Ordering::Relaxed);
                side.edges.fetch_add(1, Ordering::Release);
                // SAFETY: under the lock.
                unsafe { side.claim(Wake::Closed, true, woken) };
            }
            following
        })
    }

    /// Keeps the number from being closed for the length of a system call that
    /// does not block, if it still has the life `generation`.
    #[inline(always)]
    pub fn hold(&self, generation: u32) -> bool {
        // SeqCst pairs with `end`, which changes the generation, after which `is_held` is
        // asked.
        self.held.fetch_add(1, Ordering::SeqCst);
        sequential();
        let same = self.generation.load(Ordering::SeqCst) == generation;
        if !same {
            self.let_go();
        }
        same
    }

    /// The end of what [`hold`](Self::hold) has begun.
    #[inline(always)]
    pub fn let_go(&self) {
        // Release pairs with the load in `is_held`: the call is over.
        self.held.fetch_sub(1, Ordering::Release);
    }

    /// Whether anybody does. After an [`end`](Self::end).
    pub fn is_held(&self) -> bool {
        sequential();
        self.held.load(Ordering::SeqCst) != 0
    }
}
