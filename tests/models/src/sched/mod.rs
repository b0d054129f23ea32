//! The scheduler of the models: every thread sleeps in the kernel.

#[path = "../../../../src/sched/bell.rs"]
pub mod bell;
#[path = "../../../../src/sched/run_queue.rs"]
pub mod run_queue;
#[path = "../../../../src/sched/slot.rs"]
pub mod slot;

/// What is modelled of `idle/`.
pub mod idle;

/// Whoever owns a slot.
pub mod worker {
    use crate::sys::atomic::{AtomicU32, Ordering};
    use crate::sys::cell::Cell;
    use crate::sys::futex;

    /// A worker that can sleep.
    #[derive(Default)]
    pub struct Worker {
        /// Link in the list of sleepers.
        pub next: Cell<*const Worker>,
        asleep: AtomicU32,
        ends: Cell<bool>,
    }

    // SAFETY: `next` is guarded by the board's lock; loom checks that.
    unsafe impl Sync for Worker {}
    // SAFETY: as above.
    unsafe impl Send for Worker {}

    impl Worker {
        /// As the library's.
        pub fn prepare_sleep(&self) {
            self.asleep.store(1, Ordering::Relaxed);
        }

        /// As the library's.
        pub fn sleep(&self) {
            while self.asleep.load(Ordering::Acquire) == 1 {
                futex::wait(&self.asleep, 1);
            }
        }

        /// As the library's.
        pub fn may_end(&self) -> bool {
            true
        }

        /// As the library's; loom checks that nobody else knows of the worker.
        pub fn end(&self) {
            self.ends.set(true);
        }

        /// Whether it ends.
        pub fn ends(&self) -> bool {
            self.ends.get()
        }

        /// As the library's.
        pub fn wake(&self) {
            self.asleep.store(0, Ordering::Release);
            futex::wake(std::ptr::from_ref(&self.asleep).cast(), 1);
        }
    }
}

/// Leaving the CPU.
pub mod park {
    use crate::sched::{QUEUES, current};
    use crate::sys::clock::{Instant, NEVER};
    use crate::task::word::{Cancellation, Claim, Wake};

    /// As the library's; without deadlines.
    pub fn on_address(
        key: usize,
        deadline: Instant,
        cancellation: Cancellation,
        validate: impl FnOnce() -> Option<u32>,
        queued: impl FnOnce(),
        left: impl FnOnce(),
    ) -> Option<Wake> {
        assert_eq!(deadline, NEVER);
        let me = current();
        if !QUEUES.enter(me, key, cancellation, validate) {
            if me.seat().word.claim(Wake::Interrupted) == Claim::Kernel {
                me.seat().word.release();
            }
            me.sleep();
            return None;
        }
        queued();
        let reason = me.sleep();
        if matches!(reason, Wake::Timeout | Wake::Interrupted) {
            QUEUES.withdraw(me, left);
        }
        Some(reason)
    }
}

/// Letting others run.
pub mod wake {
    use crate::sched::QUEUES;
    use crate::sys::futex;
    use crate::task::seat::Seat;
    use crate::wait::queue::{Verdict, Waiters};
    use crate::wait::woken::Woken;

    /// As the library's.
    pub fn all(mut woken: Woken) {
        while let Some(seat) = woken.kernel.pop() {
            futex::wake(seat.word.release(), 1);
        }
        assert!(woken.runnable.first().is_none());
        assert!(woken.granted.first().is_none());
    }

    /// As the library's.
    pub fn at<R>(key: usize, act: impl FnOnce(Waiters<'_>, &mut Woken) -> R) -> R {
        let mut woken = Woken::new();
        let result = QUEUES.at(key, |waiters| act(waiters, &mut woken));
        all(woken);
        result
    }

    /// As the library's.
    pub fn address<R>(
        key: usize,
        verdict: impl FnMut(&Seat, usize) -> Verdict,
        done: impl FnOnce(usize, bool) -> R,
    ) -> R {
        let mut woken = Woken::new();
        let result = QUEUES.claim(key, &mut woken, verdict, done);
        all(woken);
        result
    }
}

use crate::task::Thread;
use crate::task::word::Sleeper;
use crate::wait::queue::Queues;

loom::lazy_static! {
    /// Two buckets, so that some keys share one.
    pub static ref QUEUES: Queues<2> = Queues::default();
}

loom::thread_local! {
    static ME: &'static Thread = Thread::create(Sleeper::Kernel);
}

/// The calling thread's block.
pub fn current() -> &'static Thread {
    ME.with(|me| *me)
}
