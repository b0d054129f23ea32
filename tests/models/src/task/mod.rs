//! A thread's block, with what the models need of it.

#[path = "../../../../src/task/life.rs"]
pub mod life;
#[path = "../../../../src/task/list.rs"]
pub mod list;
#[cfg_attr(not(feature = "loom"), path = "lock_single.rs")]
pub mod lock;
#[cfg(feature = "loom")]
#[path = "../../../../src/task/lock_word.rs"]
pub mod lock_word;
#[cfg(not(feature = "loom"))]
#[path = "../../../../src/task/quantum.rs"]
pub mod quantum;
#[path = "../../../../src/task/rank.rs"]
pub mod rank;
#[path = "../../../../src/task/seat.rs"]
pub mod seat;
#[path = "../../../../src/task/timer.rs"]
pub mod timer;
#[path = "../../../../src/task/word.rs"]
pub mod word;

use seat::Seat;
use timer::Timer;
use word::{Cancellation, Sleeper};

/// As the library's; it sleeps in the kernel.
pub struct Thread {
    /// What others touch of it.
    seat: Seat,
    /// Link in the timers.
    timer: Timer,
    /// Link in a queue while absent.
    pub absence: Seat,
    sleeper: Sleeper,
}

// SAFETY: as in the library, every cell has one owner at a time; loom checks that.
unsafe impl Sync for Thread {}
// SAFETY: as above.
unsafe impl Send for Thread {}

impl Thread {
    /// A block that lives for ever, of a thread that leaves the CPU as `sleeper`.
    pub fn create(sleeper: Sleeper) -> &'static Self {
        let thread = Box::leak(Box::new(Self {
            seat: Seat::default(),
            timer: Timer::default(),
            absence: Seat::default(),
            sleeper,
        }));
        thread.seat.set_thread(thread);
        thread
    }

    /// What others touch of it.
    pub fn seat(&self) -> &Seat {
        &self.seat
    }

    /// Its link in the heap of deadlines.
    pub fn timer(&self) -> &Timer {
        &self.timer
    }

    /// Nothing is fetched ahead.
    pub fn fetch(&self) {}

    /// It has no real-time priority.
    pub fn rank(&self) -> u8 {
        0
    }

    /// Opens a wait.
    pub fn arm(&self, cancellation: Cancellation) {
        self.seat.word.arm(cancellation, self.sleeper);
    }

    /// Sleeps until claimed and let go: why.
    #[cfg(feature = "loom")]
    pub fn sleep(&self) -> word::Wake {
        while let Some(word) = self.seat.word.sleep_on() {
            crate::sys::futex::wait(self.seat.word.futex(), word);
        }
        self.seat.word.finish()
    }
}
