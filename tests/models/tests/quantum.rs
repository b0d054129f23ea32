//! How long a thread goes on that never has to wait.
#![cfg(not(feature = "loom"))]

use models::arch::cycles::pass;
use models::task::quantum::{Quantum, Used};

/// What an operation takes, in cycles.
const OPERATION: u64 = 10_000;
/// How long a thread of others runs at a time.
const INTERVAL: u64 = 50_000;

/// How long a quantum lasts that begins `others` turns after the one before, and a wait.
fn lasts(quantum: &Quantum, others: u64) -> u64 {
    quantum.begin(true);
    lasts_at_once(quantum, others)
}

/// The same without a wait.
fn lasts_at_once(quantum: &Quantum, others: u64) -> u64 {
    pass(others * INTERVAL);
    let mut time = 0;
    loop {
        match quantum.spend() {
            Used::Part => {}
            used if quantum.is_over(used, INTERVAL) => return time,
            Used::Enough => {}
            Used::Much => quantum.looked(),
        }
        pass(OPERATION);
        time += OPERATION;
    }
}

#[test]
fn it_grows_with_the_number_of_threads_that_take_turns() {
    let quantum = Quantum::default();
    lasts(&quantum, 0);
    let few = lasts(&quantum, 2);
    assert_eq!(few, 9 * OPERATION);
    assert_eq!(lasts(&quantum, 12), few);
    assert_eq!(lasts(&quantum, 24), 33 * OPERATION);
    let many = lasts(&quantum, 10_000);
    assert_eq!(many, 801 * OPERATION);
    assert_eq!(lasts(&quantum, 2), few);
}

#[test]
fn who_uses_it_up_gets_the_shortest() {
    let quantum = Quantum::default();
    lasts(&quantum, 0);
    let few = lasts(&quantum, 2);
    assert!(lasts(&quantum, 100) > few);
    for _ in 0..3 {
        quantum.use_up();
        quantum.begin(false);
        assert_eq!(lasts_at_once(&quantum, 100), few);
    }
    // It has waited for something.
    assert!(lasts(&quantum, 100) > few);
}

/// By number where operations are short, by time where they are not.
#[test]
fn others_are_looked_for_meanwhile() {
    for (operation, looks) in [(100, 1_000 / 32), (1_000_000, 999)] {
        let quantum = Quantum::default();
        let looked = (0..1_000)
            .filter(|_| {
                pass(operation);
                let is_time = quantum.spend() == Used::Much;
                if is_time {
                    quantum.looked();
                }
                is_time
            })
            .count();
        assert_eq!(looked, looks);
    }
}
