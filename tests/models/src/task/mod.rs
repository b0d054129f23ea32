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
#[path = "../../../../src/task/node.rs"]
pub mod node;
#[cfg(not(feature = "loom"))]
#[path = "../../../../src/task/quantum.rs"]
pub mod quantum;
#[path = "../../../../src/task/rank.rs"]
pub mod rank;
#[path = "../../../../src/task/timer.rs"]
pub mod timer;
#[path = "../../../../src/task/word.rs"]
pub mod word;

use crate::sys::cell::Cell;
use node::Node;
use timer::Timer;
use word::{Cancellation, ParkWord, Sleeper};

/// As the library's; it sleeps in the kernel.
pub struct Thread {
    /// The park word.
    pub word: ParkWord,
    /// Where its registers would be.
    pub context: Cell<*const u8>,
    /// Where its TCB would be.
    pub pointer: Cell<usize>,
    /// Link in a list.
    pub next: Cell<*const Thread>,
    /// Link in a queue.
    pub node: Node,
    /// Link in a queue while absent.
    pub absence: Node,
    /// Link in the timers.
    pub timer: Timer,
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
            word: ParkWord::default(),
            context: Cell::new(std::ptr::null()),
            pointer: Cell::new(0),
            next: Cell::new(std::ptr::null()),
            node: Node::default(),
            absence: Node::default(),
            timer: Timer::default(),
            sleeper,
        }));
        thread.node.set_thread(thread);
        thread.timer.set_thread(thread);
        thread
    }

    /// It has no real-time priority.
    pub fn rank(&self) -> u8 {
        0
    }

    /// Opens a wait.
    pub fn arm(&self, cancellation: Cancellation) {
        self.word.arm(cancellation, self.sleeper);
    }

    /// Sleeps until claimed and let go: why.
    #[cfg(feature = "loom")]
    pub fn sleep(&self) -> word::Wake {
        while let Some(word) = self.word.sleep_on() {
            crate::sys::futex::wait(self.word.futex(), word);
        }
        self.word.finish()
    }
}
