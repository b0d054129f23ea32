//! The word behind the runtime's lock.
#![cfg(feature = "loom")]

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;
use models::task::lock_word::LockWord;

#[derive(Default)]
struct Counter {
    lock: LockWord,
    value: UnsafeCell<u32>,
}

// SAFETY: `value` is guarded by `lock`; loom checks that.
unsafe impl Sync for Counter {}
// SAFETY: as above.
unsafe impl Send for Counter {}

impl Counter {
    fn add(&self) {
        self.lock.acquire();
        // SAFETY: under the lock.
        self.value.with_mut(|value| unsafe { *value += 1 });
        self.lock.release();
    }
}

/// Several threads take the lock once and give it back, whether they sleep for it or not: one
/// at a time, each sees what was done before, and nobody sleeps for ever.
fn one_at_a_time(threads: u32, preemptions: Option<usize>) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = preemptions;
    model.check(move || {
        let counter = Arc::new(Counter::default());
        let others: Vec<_> = (1..threads)
            .map(|_| {
                let counter = counter.clone();
                thread::spawn(move || counter.add())
            })
            .collect();
        counter.add();
        for other in others {
            other.join().unwrap();
        }
        // SAFETY: nobody else is there.
        counter
            .value
            .with(|value| assert_eq!(unsafe { *value }, threads));
    });
}

#[test]
fn two_threads_have_it_one_at_a_time() {
    one_at_a_time(2, None);
}

#[test]
fn three_threads_have_it_one_at_a_time() {
    one_at_a_time(3, Some(3));
}
