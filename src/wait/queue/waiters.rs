//! Waking those who wait at one address.

use super::absence::absent;
use super::list::Queue;
use crate::task::seat::Seat;
use crate::task::word::Wake;
use crate::wait::woken::Woken;

/// What to do with a waiter, see [`Waiters::claim`].
pub enum Verdict {
    /// Wake it, for this reason.
    Wake(Wake),
    /// Leave it and look at the next.
    Skip,
    /// Look no further.
    Stop,
}

/// Those who wait at one address, see [`Queues::at`](super::Queues::at).
pub struct Waiters<'a> {
    queue: &'a mut Queue,
    key: usize,
}

impl<'a> Waiters<'a> {
    /// Those at `key`, whose bucket's lock is held.
    pub(super) fn new(queue: &'a mut Queue, key: usize) -> Self {
        Self { queue, key }
    }

    /// Walks them in order of arrival, and does with each what `verdict` says, which also
    /// learns how many were claimed so far: a waiter whose time-out or signal came first
    /// does not count. Returns the final number, and whether any remain.
    #[inline]
    pub fn claim(
        &mut self,
        woken: &mut Woken,
        mut verdict: impl FnMut(&Seat, usize) -> Verdict,
    ) -> (usize, bool) {
        let (mut count, mut remain) = (0, false);
        for node in self.queue.of_key(self.key) {
            match verdict(node, count) {
                Verdict::Wake(reason) => {
                    self.queue.remove(node);
                    // After a successful claim the node belongs to its thread again.
                    count += usize::from(woken.claim(node, reason));
                }
                Verdict::Skip => remain = true,
                Verdict::Stop => {
                    remain = true;
                    break;
                }
            }
        }
        (count, remain)
    }

    /// Ends the waits of up to `limit` who are [absent](super::Queues::step_out); returns how many.
    /// `each` is called for one before that can know.
    pub fn release_absent(&mut self, limit: usize, mut each: impl FnMut()) -> usize {
        let mut count = 0;
        for node in self.queue.of_key(absent(self.key)).take(limit) {
            each();
            self.queue.remove(node);
            count += 1;
        }
        count
    }
}
