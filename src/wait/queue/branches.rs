//! Waiting at several addresses at once.
//!
//! A thread stands in each queue with a *branch*, a seat whose park word only says so. Who takes a branch out to wake
//! it marks it as reached and claims the thread; if somebody else has claimed that before, by another branch
//! or since its time is over, this is a wake-up all the same: the thread comes for every branch, under its
//! queue's lock, and finds the mark. (So it is with the kernel's, futex_unqueue_multiple.)

use super::Queues;
use crate::task::Thread;
use crate::task::seat::Seat;

impl<const N: usize> Queues<N> {
    /// Puts `branches` of `me`, the caller, which has armed, into the queues of the keys that `key` gives for
    /// their indices: from here on wakers may claim it. Returns how many: all up to the first for which
    /// `validate`, under the queue's lock, gives no tag. The caller is critical.
    ///
    /// # Safety
    /// They stay where they are until they are [withdrawn](Self::withdraw_branches).
    pub unsafe fn enter_branches(
        &self,
        me: &Thread,
        branches: &[Seat],
        key: impl Fn(usize) -> usize,
        validate: impl Fn(usize) -> Option<u32>,
    ) -> usize {
        let enter = |(index, branch): &(usize, &Seat)| {
            branch.branch_off(me);
            let key = key(*index);
            self.bucket(key).with(|queue| {
                let Some(tag) = validate(*index) else {
                    return false;
                };
                queue.add(me, branch, key, tag);
                true
            })
        };
        branches.iter().enumerate().take_while(enter).count()
    }

    /// Takes the caller's branches, which were entered, out, wherever a requeue has put them: the index of the last one
    /// that was reached. From here on nobody knows them. The caller is critical.
    pub fn withdraw_branches(&self, branches: &[Seat]) -> Option<usize> {
        let mut reached = None;
        for (index, branch) in branches.iter().enumerate() {
            self.take_out(branch, || ());
            if branch.word.is_claimed() {
                reached = Some(index);
            }
        }
        reached
    }
}
