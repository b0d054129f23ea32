//! The lock-free parts of libgreen and its data structures, compiled from its own files.
//!
//! With the feature `loom` against loom's atomics, cells and threads, for the models;
//! without it against the real ones, for the properties. What the files need of the rest
//! stands in here under the same paths: `crate::sys`, `crate::task`, `crate::sched`. The
//! models and properties are in `tests/`, one file a subject.
#![allow(dead_code, clippy::len_without_is_empty)]

pub mod arch {
    //! What differs from one processor to the next, as the models have it.

    /// A counter that stands still until it is told to go on.
    #[cfg(not(feature = "loom"))]
    pub mod cycles {
        use std::cell::Cell;

        thread_local! {
            static NOW: Cell<u64> = const { Cell::new(1) };
        }

        /// As the library's.
        pub fn now() -> u64 {
            NOW.get()
        }

        /// So many cycles pass for the calling thread.
        pub fn pass(cycles: u64) {
            NOW.set(NOW.get() + cycles);
        }
    }

    /// A counter that stands still.
    #[cfg(feature = "loom")]
    pub mod cycles {
        /// As the library's.
        pub fn now() -> u64 {
            1
        }
    }

    /// Nothing is fetched ahead.
    pub mod prefetch {
        /// As the library's.
        pub fn fetch<T>(_: *const T, _: usize) {}
    }
}

pub mod glibc {
    //! What is known of glibc, as the models have it.

    /// Ids of threads.
    pub mod tcb {
        /// Another one for each thread.
        #[cfg(feature = "loom")]
        pub fn own_id() -> i32 {
            std::ptr::from_ref(crate::sched::current()).addr() as i32
        }
    }
}

pub mod signal {
    //! What is asked about signals, as the models have it.

    /// Nobody is cancelled.
    pub mod cancel {
        /// As the library's.
        pub fn anywhere() {}

        /// As the library's.
        pub fn is_due_anywhere() -> bool {
            false
        }
    }
}

pub mod settings {
    //! What the environment asks for, as the models have it.

    /// As the library's.
    pub const MAX_SLOTS: usize = 64;
}

pub mod hub;
/// What decides how many slots are used.
#[path = "../../../src/sched/limit/mod.rs"]
pub mod limit;
#[cfg(feature = "loom")]
pub mod sched;
/// What decides how often to look around.
#[path = "../../../src/sched/tempo.rs"]
pub mod tempo;
#[cfg(not(feature = "loom"))]
pub mod sched {
    //! What there is of the scheduler where there is one thread.

    #[path = "../../../../src/sched/run_queue.rs"]
    pub mod run_queue;
}
#[cfg(feature = "loom")]
pub mod sync;
pub mod sys;
pub mod task;

#[path = "../../../src/wait/mod.rs"]
pub mod wait;
