//! Waits for children that the kernel has to wait in, one at a time of those that are alike. Who comes later
//! queues behind it: whatever ends the first one's wait, the next one looks, and then waits itself.

use core::sync::atomic::{AtomicI32, AtomicU32, Ordering};

use crate::sched::blocking;
use crate::sched::turns::Turns;
use crate::sys::clock::NEVER;
use crate::sys::in_child::{in_child, restore};
use crate::task::lock::RawLock;
use crate::task::word::{Cancellation, Wake};
use crate::task::{Critical, current, rank};

/// What is waited for: the kind and the id of `waitid`, and its options.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// `P_PGID` and so on.
    pub kind: u32,
    /// Of a process, a group or a descriptor.
    pub id: i32,
    /// `WEXITED` and so on.
    pub options: i32,
}

/// So many questions at a time.
const SIZE: usize = 16;

/// A question, and who waits in the kernel for its answer. What it is about is guarded by [`LOCK`].
struct Place {
    kind: AtomicU32,
    id: AtomicI32,
    options: AtomicI32,
    /// So many queue, or are about to: until they have looked it means that question.
    followers: AtomicU32,
    /// His who waits in the kernel, and who may be gone without having said so.
    turn: Turns,
}

static PLACES: [Place; SIZE] = [const {
    Place {
        kind: AtomicU32::new(0),
        id: AtomicI32::new(0),
        options: AtomicI32::new(0),
        followers: AtomicU32::new(0),
        turn: Turns::one_outside_handlers(),
    }
}; SIZE];

static LOCK: RawLock<{ rank::ALIKE }> = RawLock::new();

/// In a forked child nobody waits.
///
/// # Safety
/// The caller is the process's only thread.
unsafe fn reset() {
    // SAFETY: as the caller promises.
    unsafe { LOCK.reset() };
    for place in &PLACES {
        restore(&place.followers, 0);
        place.turn.reset();
    }
}

in_child!(reset);

impl Question {
    /// Somebody's place who waits for the answer. The lock is held.
    fn find(self) -> Option<&'static Place> {
        PLACES
            .iter()
            .find(|place| place.is_in_use() && place.question() == self)
    }

    /// Where somebody waits in the kernel for the answer: queues behind him, and returns why that has ended;
    /// `None` if the caller is the first.
    pub fn follow(self, cancellation: Cancellation) -> Option<Wake> {
        // No handler runs while the caller counts as a follower: it might never return.
        let _critical = Critical::enter();
        let place = LOCK.during(|| {
            let place = self.find().filter(|place| place.turn.used() > 0)?;
            place.followers.fetch_add(1, Ordering::Relaxed);
            Some(place)
        })?;
        let reason = place.turn.await_free(cancellation, NEVER);
        place.followers.fetch_sub(1, Ordering::Release);
        Some(reason.unwrap_or(Wake::Ready))
    }

    /// The calling thread, in a blocking region, waits in the kernel for the answer, until it leaves that.
    pub fn lead(self) {
        // Nor while it has a place that it does not lead at yet.
        let _critical = Critical::enter();
        let place = LOCK.during(|| {
            let is_free = |place: &&Place| !place.is_in_use();
            let place = self.find().or_else(|| PLACES.iter().find(is_free))?;
            place.kind.store(self.kind, Ordering::Relaxed);
            place.id.store(self.id, Ordering::Relaxed);
            place.options.store(self.options, Ordering::Relaxed);
            place.followers.fetch_add(1, Ordering::Relaxed);
            Some(place)
        });
        // Where there is no place nobody follows.
        if let Some(place) = place {
            blocking::take(&place.turn);
            place.followers.fetch_sub(1, Ordering::Release);
        }
    }

    /// The caller, who has followed or led, is taken out of that for good.
    pub fn leave(self) {
        blocking::give_turn_back(current());
        self.pass_on();
    }

    /// The caller, who has followed, does not lead: lets another one look, where nobody does.
    pub fn pass_on(self) {
        let place = LOCK.during(|| self.find().filter(|place| place.turn.used() == 0));
        if let Some(place) = place {
            place.turn.let_next_look();
        }
    }
}

impl Place {
    fn question(&self) -> Question {
        Question {
            kind: self.kind.load(Ordering::Relaxed),
            id: self.id.load(Ordering::Relaxed),
            options: self.options.load(Ordering::Relaxed),
        }
    }

    fn is_in_use(&self) -> bool {
        // Acquire: who has left it has looked.
        self.turn.used() > 0 || self.followers.load(Ordering::Acquire) > 0
    }
}
