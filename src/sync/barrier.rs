//! Barriers.

use core::sync::atomic::{AtomicU32, Ordering};

use crate::sched::{park, wake};
use crate::signal::cancel;
use crate::sys::clock::NEVER;
use crate::task::seat::Seat;
use crate::task::word::{Cancellation, Wake};
use crate::wait::queue::Verdict;

/// glibc's `struct pthread_barrier` (sysdeps/nptl/internaltypes.h), as
/// `pthread_barrier_init` leaves it.
#[repr(C)]
pub struct Barrier {
    arrived: AtomicU32,
    round: AtomicU32,
    count: u32,
    shared: u32,
    departed: u32,
}

impl Barrier {
    /// Whether it is shared between processes, and so glibc's affair.
    pub fn is_glibcs(&self) -> bool {
        self.shared != 0
    }

    /// `pthread_barrier_wait(3p)`: `PTHREAD_BARRIER_SERIAL_THREAD` for one of the
    /// threads, 0 for the others. As soon as anybody has returned the barrier may
    /// be gone: it is only touched under the queue's lock, before that.
    pub fn wait(&self) -> i32 {
        let key = self.arrived.as_ptr() as usize;
        let mut round = 0;
        let arrive = || {
            round = self.round.load(Ordering::Relaxed);
            let arrived = self.arrived.load(Ordering::Relaxed) + 1;
            let last = arrived == self.count;
            self.arrived
                .store(if last { 0 } else { arrived }, Ordering::Relaxed);
            if last {
                self.round.store(round.wrapping_add(1), Ordering::Relaxed);
            }
            (!last).then_some(round)
        };
        let ends = Cancellation::Asynchronous;
        let mut reason = park::on_address(key, NEVER, ends, arrive, || (), || ());
        if reason.is_none() {
            // Those who are at the next round already have another tag.
            let verdict = |node: &Seat, _| {
                if node.tag() == round {
                    Verdict::Wake(Wake::Ready)
                } else {
                    Verdict::Skip
                }
            };
            wake::address(key, verdict, |_, _| ());
            return libc::PTHREAD_BARRIER_SERIAL_THREAD;
        }
        while reason == Some(Wake::Interrupted) {
            // A handler has run; the wait goes on. A thread that is cancelled here has
            // arrived, as natively.
            cancel::anywhere();
            let closed = || (self.round.load(Ordering::Relaxed) == round).then_some(round);
            reason = park::on_address(key, NEVER, ends, closed, || (), || ());
        }
        0
    }
}
