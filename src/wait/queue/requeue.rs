//! Moving those who wait at one address to another.

use core::ptr;

use super::Queues;
use super::list::Queue;
use crate::sys::atomic::Ordering;
use crate::task::seat::Seat;
use crate::task::word::Wake;
use crate::wait::woken::Woken;

impl<const N: usize> Queues<N> {
    /// `FUTEX_CMP_REQUEUE`: if `validate` holds under both queues' locks, wakes up
    /// to `limits.0` waiters of `from` and moves up to `limits.1` of the rest to
    /// `to`. Returns how many were woken and moved, or `None`. The caller is critical.
    pub fn requeue(
        &self,
        from: usize,
        to: usize,
        limits: (usize, usize),
        woken: &mut Woken,
        validate: impl FnOnce() -> bool,
    ) -> Option<(usize, usize)> {
        let (source, target) = (self.bucket(from), self.bucket(to));
        if ptr::eq(source, target) {
            // Within a bucket a waiter stays where it is, as in the kernel, and the walk
            // does not meet it again.
            return source.with(|queue| {
                validate().then(|| queue.requeue(from, limits, woken, |_, node| rename(node, to)))
            });
        }
        let act = |source: &mut Queue, target: &mut Queue| {
            validate().then(|| {
                source.requeue(from, limits, woken, |source, node| {
                    source.remove(node);
                    rename(node, to);
                    target.push(node);
                })
            })
        };
        source.with_both(target, act)
    }
}

fn rename(node: &Seat, key: usize) {
    // Release pairs with the Acquire in [`Queues::withdraw`].
    node.key.store(key, Ordering::Release);
}

impl Queue {
    fn requeue(
        &mut self,
        from: usize,
        (wake_limit, move_limit): (usize, usize),
        woken: &mut Woken,
        mut relocate: impl FnMut(&mut Self, &Seat),
    ) -> (usize, usize) {
        let (mut claimed, mut moved) = (0, 0);
        for node in self.of_key(from) {
            if claimed < wake_limit {
                self.remove(node);
                claimed += usize::from(woken.claim(node, Wake::Ready));
            } else if moved < move_limit {
                relocate(self, node);
                moved += 1;
            } else {
                break;
            }
        }
        (claimed, moved)
    }
}
