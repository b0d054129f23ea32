//! Waiters that are absent, since they run a handler: they go on waiting, but in no queue.

use super::Queues;
use super::list::Queue;
use crate::sys::atomic::{Ordering, fence};
use crate::task::Thread;
use crate::task::word::Cancellation;

/// The key of those who are absent from the queue of `key`, in the same bucket. What is waited on
/// lies at even addresses.
pub(super) fn absent(key: usize) -> usize {
    key | 1
}

/// An absence from a queue, see [`Queues::step_out`].
pub struct Absence {
    key: usize,
    number: u32,
}

impl<const N: usize> Queues<N> {
    /// Takes the node of `me`, the caller, out of the queue of `key` and notes the thread as
    /// *absent* instead: it goes on waiting, but runs a handler first, and can be
    /// [released](super::Waiters::release_absent) meanwhile. `None` if somebody else has taken the
    /// node out. The caller is critical.
    #[cold]
    pub fn step_out(&self, me: &Thread, key: usize) -> Option<Absence> {
        // In a handler that runs during an absence: that ends without a reason.
        self.forget_absence(me);
        let place = &me.absence;
        self.bucket(key).with(|queue| {
            if !me.seat().linked.get() {
                return None;
            }
            queue.remove(me.seat());
            place.key.store(absent(key), Ordering::Relaxed);
            queue.push(place);
            let number = place.tag.get().wrapping_add(1);
            place.tag.set(number);
            Some(Absence { key, number })
        })
    }

    /// The handler has run: puts `me`, the caller, into the queue again. False if it was
    /// released. The caller is critical.
    #[cold]
    pub fn step_in(
        &self,
        me: &'static Thread,
        absence: &Absence,
        cancellation: Cancellation,
    ) -> bool {
        self.end_absence(me, absence, |queue| {
            me.arm(cancellation);
            // For `park::commit`.
            fence(Ordering::SeqCst);
            queue.add(me, me.seat(), absence.key, 0);
        })
    }

    /// The handler has run, and `me`, the caller, does not go on waiting: calls `left` under
    /// the queue's lock. False if it was released. The caller is critical.
    #[cold]
    pub fn leave_absent(&self, me: &Thread, absence: &Absence, left: impl FnOnce()) -> bool {
        self.end_absence(me, absence, |_| left())
    }

    fn end_absence(&self, me: &Thread, absence: &Absence, act: impl FnOnce(&mut Queue)) -> bool {
        let place = &me.absence;
        self.bucket(absence.key).with(|queue| {
            // A later absence has another number.
            let is_noted = place.tag.get() == absence.number && place.linked.get();
            if is_noted {
                queue.remove(place);
                act(queue);
            }
            is_noted
        })
    }

    /// The handler that `me`, the caller, was absent for, if it was, is never going to
    /// return, or waits itself. The caller is critical.
    pub fn forget_absence(&self, me: &Thread) {
        let place = &me.absence;
        match place.key.swap(0, Ordering::Relaxed) {
            0 => {}
            key => self.bucket(key & !1).with(|queue| {
                if place.linked.get() {
                    queue.remove(place);
                }
            }),
        }
    }
}
