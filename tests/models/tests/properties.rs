//! The data structures against plain ones, over random sequences of operations.
#![cfg(not(feature = "loom"))]

use std::collections::VecDeque;

use models::task::Thread;
use models::task::list::List;
use models::task::word::{Cancellation, Sleeper, Wake};
use models::wait::queue::{Queues, Verdict};
use models::wait::timer::Timers;
use models::wait::woken::Woken;
use proptest::prelude::*;

/// So many threads take part.
const THREADS: usize = 12;

fn threads() -> Vec<&'static Thread> {
    (0..THREADS)
        .map(|_| Thread::create(Sleeper::Green))
        .collect()
}

/// Which of `all` these are, in order.
fn numbers(all: &[&'static Thread], mut list: List) -> Vec<usize> {
    std::iter::from_fn(|| list.pop())
        .map(|seat| {
            all.iter()
                .position(|one| std::ptr::eq(*one, seat.thread()))
                .unwrap()
        })
        .collect()
}

/// Who was woken, in order. All have left the CPU before.
fn run(all: &[&'static Thread], woken: Woken) -> Vec<usize> {
    assert!(woken.kernel.first().is_none());
    let order = numbers(all, woken.runnable);
    for number in &order {
        all[*number].seat().word.finish();
    }
    order
}

/// Leaves the CPU.
fn park(thread: &Thread) {
    let _ = thread.seat().word.save();
}

#[derive(Clone, Debug)]
enum TimerStep {
    /// A thread waits until then.
    Arm(usize, u64),
    /// It is woken otherwise.
    Disarm(usize),
    /// Time has come to this point.
    Expire(u64),
}

fn timer_step() -> impl Strategy<Value = TimerStep> {
    prop_oneof![
        4 => (0..THREADS, 0..40u64).prop_map(|(who, when)| TimerStep::Arm(who, when)),
        2 => (0..THREADS).prop_map(TimerStep::Disarm),
        1 => (0..40u64).prop_map(TimerStep::Expire),
    ]
}

#[derive(Clone, Debug)]
enum QueueStep {
    Enter(usize, usize, u32),
    Withdraw(usize),
    Wake(usize, usize, Option<u32>),
    Requeue(usize, usize, usize, usize),
}

fn queue_step() -> impl Strategy<Value = QueueStep> {
    let key = || 1..6usize;
    prop_oneof![
        6 => (0..THREADS, key(), 0..2u32).prop_map(|(who, key, tag)| QueueStep::Enter(who, key, tag)),
        2 => (0..THREADS).prop_map(QueueStep::Withdraw),
        3 => (key(), 0..4usize, prop::option::of(0..2u32))
            .prop_map(|(key, count, tag)| QueueStep::Wake(key, count, tag)),
        2 => (key(), key(), 0..3usize, 0..4usize)
            .prop_map(|(from, to, woken, moved)| QueueStep::Requeue(from, to, woken, moved)),
    ]
}

/// A bucket in the plain model: who waits, by key and tag, in order of arrival.
type Waiting = VecDeque<(usize, usize, u32)>;

/// Waiters keep their places, as in the kernel, where both keys share a bucket.
fn requeued(waiting: &mut Waiting, from: usize, to: usize, limit: usize) -> usize {
    let moved = waiting.iter_mut().filter(|waiter| waiter.1 == from);
    moved.take(limit).map(|waiter| waiter.1 = to).count()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Deadlines come in order, each once, and none that was taken back.
    #[test]
    fn timers_expire_in_order(steps in prop::collection::vec(timer_step(), 0..200)) {
        let all = threads();
        let timers = Timers::default();
        let mut armed: Vec<Option<u64>> = vec![None; THREADS];
        for step in steps {
            match step {
                TimerStep::Arm(who, when) if armed[who].is_none() => {
                    all[who].arm(Cancellation::Never);
                    let first = timers.arm(all[who], when);
                    let earliest = armed.iter().flatten().min();
                    // Among equals the one that was there first may stay the earliest.
                    prop_assert!(!first || earliest.is_none_or(|earliest| when <= *earliest));
                    prop_assert!(first || earliest.is_some_and(|earliest| when >= *earliest));
                    armed[who] = Some(when);
                    park(all[who]);
                }
                TimerStep::Disarm(who) => {
                    if armed[who].take().is_some() {
                        let mut woken = Woken::new();
                        prop_assert!(woken.claim(all[who].seat(), Wake::Ready));
                        timers.disarm(all[who]);
                        prop_assert_eq!(run(&all, woken), [who]);
                    }
                }
                TimerStep::Expire(now) => {
                    let mut woken = Woken::new();
                    timers.expire(now, &mut woken);
                    let order = run(&all, woken);
                    let times: Vec<_> = order.iter().map(|who| armed[*who].take().unwrap()).collect();
                    prop_assert!(times.is_sorted());
                    prop_assert!(times.iter().all(|time| *time <= now));
                    prop_assert!(armed.iter().flatten().all(|time| *time > now));
                }
                TimerStep::Arm(..) => {}
            }
            let earliest = armed.iter().flatten().min().copied().unwrap_or(u64::MAX);
            prop_assert_eq!(timers.earliest(), earliest);
        }
    }

    /// Wakers of a key find its waiters in order of arrival, wherever requeues have put them.
    #[test]
    fn queues_keep_the_order_of_arrival(steps in prop::collection::vec(queue_step(), 0..200)) {
        let all = threads();
        // One bucket, so that the order among keys shows as well.
        let queues = Queues::<1>::default();
        let mut waiting = Waiting::new();
        for step in steps {
            match step {
                QueueStep::Enter(who, key, tag) => {
                    if waiting.iter().all(|waiter| waiter.0 != who) {
                        prop_assert!(!queues.enter(all[who], key, Cancellation::Never, || None));
                        prop_assert!(queues.enter(all[who], key, Cancellation::Never, || Some(tag)));
                        park(all[who]);
                        waiting.push_back((who, key, tag));
                    }
                }
                QueueStep::Withdraw(who) => {
                    if waiting.iter().any(|waiter| waiter.0 == who) {
                        let mut woken = Woken::new();
                        prop_assert!(woken.claim(all[who].seat(), Wake::Timeout));
                        let mut left = false;
                        queues.withdraw(all[who], || left = true);
                        prop_assert!(left);
                        prop_assert_eq!(run(&all, woken), [who]);
                        waiting.retain(|waiter| waiter.0 != who);
                    }
                }
                QueueStep::Wake(key, limit, wanted) => {
                    let mut woken = Woken::new();
                    let verdict = |node: &models::task::seat::Seat, count| {
                        if count == limit {
                            Verdict::Stop
                        } else if wanted.is_some_and(|tag| tag != node.tag()) {
                            Verdict::Skip
                        } else {
                            Verdict::Wake(Wake::Ready)
                        }
                    };
                    let (count, remain) = queues.claim(key, &mut woken, verdict, |count, remain| (count, remain));
                    let expected: Vec<_> = waiting
                        .iter()
                        .filter(|(_, its, tag)| *its == key && wanted.is_none_or(|wanted| wanted == *tag))
                        .map(|waiter| waiter.0)
                        .take(limit)
                        .collect();
                    waiting.retain(|waiter| !expected.contains(&waiter.0));
                    prop_assert_eq!(count, expected.len());
                    prop_assert_eq!(remain, waiting.iter().any(|waiter| waiter.1 == key));
                    prop_assert_eq!(run(&all, woken), expected);
                }
                QueueStep::Requeue(from, to, wake_limit, move_limit) => {
                    let mut woken = Woken::new();
                    prop_assert!(queues.requeue(from, to, (9, 9), &mut woken, || false).is_none());
                    let counts = queues.requeue(from, to, (wake_limit, move_limit), &mut woken, || true);
                    let expected: Vec<_> = waiting
                        .iter()
                        .filter(|waiter| waiter.1 == from)
                        .map(|waiter| waiter.0)
                        .take(wake_limit)
                        .collect();
                    waiting.retain(|waiter| !expected.contains(&waiter.0));
                    let moved = requeued(&mut waiting, from, to, move_limit);
                    prop_assert_eq!(counts, Some((expected.len(), moved)));
                    prop_assert_eq!(run(&all, woken), expected);
                }
            }
        }
    }

    /// A list is a FIFO, also where it was appended to another or split.
    #[test]
    fn lists_are_fifos(pieces in prop::collection::vec(0..4usize, 1..5), cut in 0..16u32) {
        let all = threads();
        let mut next = 0;
        let mut list = List::new();
        for piece in pieces {
            let mut more = List::new();
            for _ in 0..piece.min(THREADS - next) {
                more.push(all[next].seat());
                next += 1;
            }
            list.append(more);
        }
        prop_assert_eq!(list.len() as usize, next);
        let front = numbers(&all, list.split(cut));
        prop_assert_eq!(front.len(), next.min(cut as usize));
        let whole: Vec<_> = front.into_iter().chain(numbers(&all, list)).collect();
        prop_assert_eq!(whole, (0..next).collect::<Vec<_>>());
    }
}
