//! A descriptor number's edges and lives: no edge is lost, and none of an earlier life counts.
#![cfg(feature = "loom")]

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;
use models::hub::edges::{Edges, Next};
use models::hub::queue::{Direction, Link, Role};
use models::sched::{current, wake};
use models::task::word::{Cancellation, Wake};
use models::wait::woken::Woken;

const READ: [bool; 2] = [true, false];

/// A socket: what has arrived, and its number.
#[derive(Default)]
struct Socket {
    /// What the attempts see of it is what the edges say: relaxed.
    arrived: AtomicU32,
    edges: Edges,
}

impl Socket {
    /// `count` bytes arrive, and the hub says so.
    fn arrive(&self, generation: u32, count: u32) {
        self.arrived.fetch_add(count, Ordering::Relaxed);
        let mut woken = Woken::new();
        self.edges.event(generation, READ, false, &mut woken, || ());
        wake::all(woken);
    }

    /// As an operation's attempt: whether there was a byte.
    fn take(&self) -> bool {
        let taken = self
            .arrived
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            });
        if taken.is_ok() && !self.edges.first(Direction::Read).is_null() {
            let mut woken = Woken::new();
            self.edges.pass_on(Direction::Read, &mut woken);
            wake::all(woken);
        }
        taken.is_ok()
    }

    /// As an operation: takes a byte, or waits for one. Does not ask where the number is known
    /// to be drained.
    fn receive(&self, generation: u32) -> Result<(), Wake> {
        let me = current();
        loop {
            let edges = self.edges.count(Direction::Read);
            if !self.edges.is_drained(Direction::Read, edges) {
                if self.take() {
                    return Ok(());
                }
                self.edges.set_drained(Direction::Read, edges);
            }
            let link = Link::new(me, Role::Consumer);
            me.arm(Cancellation::Never);
            // SAFETY: whoever wakes the thread has taken the link out.
            let queued = unsafe {
                self.edges
                    .enqueue(Direction::Read, generation, edges, &link)
            };
            let reason = match queued {
                Ok(()) => me.sleep(),
                // A kernel thread, as the models have them, does not take its wait back.
                Err(reason) => {
                    let mut woken = Woken::new();
                    assert!(woken.claim(me.seat(), reason));
                    wake::all(woken);
                    me.sleep()
                }
            };
            if reason == Wake::Closed {
                return Err(reason);
            }
        }
    }
}

/// An edge between the attempt and the wait is not lost, also where the number looked drained.
#[test]
fn an_edge_between_attempt_and_wait_is_seen() {
    loom::model(|| {
        let socket = Arc::new(Socket::default());
        let hub = {
            let socket = socket.clone();
            thread::spawn(move || socket.arrive(0, 1))
        };
        assert!(socket.receive(0).is_ok());
        hub.join().unwrap();
    });
}

/// One edge for two bytes wakes one who waits; the other one gets to know from him.
#[test]
fn an_edge_is_passed_on() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(2);
    model.check(|| {
        let socket = Arc::new(Socket::default());
        let other = {
            let socket = socket.clone();
            thread::spawn(move || assert!(socket.receive(0).is_ok()))
        };
        let hub = {
            let socket = socket.clone();
            thread::spawn(move || socket.arrive(0, 2))
        };
        assert!(socket.receive(0).is_ok());
        other.join().unwrap();
        hub.join().unwrap();
    });
}

/// Whoever waits when the number is closed learns so; an edge that comes late for the earlier
/// life is none.
#[test]
fn waiters_learn_of_the_end() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(2);
    model.check(|| {
        let socket = Arc::new(Socket::default());
        let other = {
            let socket = socket.clone();
            thread::spawn(move || assert_eq!(socket.receive(0), Err(Wake::Closed)))
        };
        let closer = {
            let socket = socket.clone();
            thread::spawn(move || {
                let mut woken = Woken::new();
                socket.edges.end(|_| true, Next::Unknown, &mut woken, || ());
                wake::all(woken);
                let edges = socket.edges.count(Direction::Read);
                let mut woken = Woken::new();
                socket
                    .edges
                    .event(0, READ, true, &mut woken, || panic!("an earlier life's"));
                assert_eq!(socket.edges.count(Direction::Read), edges);
            })
        };
        assert_eq!(socket.receive(0), Err(Wake::Closed));
        other.join().unwrap();
        closer.join().unwrap();
    });
}

/// A call that holds the number meets the file of its life: the next one is put there after.
#[test]
fn a_held_number_keeps_its_file() {
    loom::model(|| {
        let shared = Arc::new((Edges::default(), UnsafeCell::new(0)));
        let replacer = {
            let shared = shared.clone();
            thread::spawn(move || {
                let (edges, file) = &*shared;
                let mut woken = Woken::new();
                edges.end(|_| true, Next::Replacement, &mut woken, || ());
                while edges.is_held() {
                    thread::yield_now();
                }
                // SAFETY: loom checks that nobody reads.
                file.with_mut(|file| unsafe { *file += 1 });
                edges.end(|_| true, Next::Shared, &mut woken, || ());
            })
        };
        let (edges, file) = &*shared;
        let generation = edges.generation();
        if generation == 0 && edges.hold(generation) {
            // SAFETY: loom checks that nobody writes.
            assert_eq!(file.with(|file| unsafe { *file }), 0);
            edges.let_go();
        }
        replacer.join().unwrap();
        assert!(!edges.hold(0));
        assert!(edges.hold(4));
    });
}
