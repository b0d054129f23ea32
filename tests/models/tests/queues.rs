//! Run queues and the queues of descriptors against plain ones, over random sequences.
#![cfg(not(feature = "loom"))]

use std::cell::UnsafeCell;
use std::collections::VecDeque;

use models::hub::edges::{Edges, Next, is_uncertain};
use models::hub::queue::{Direction, Link, Role};
use models::sched::run_queue::RunQueue;
use models::task::Thread;
use models::task::list::List;
use models::task::word::{Cancellation, Sleeper, Wake};
use models::wait::woken::Woken;
use proptest::prelude::*;

/// So many threads take part.
const THREADS: usize = 8;

fn threads() -> Vec<&'static Thread> {
    (0..THREADS)
        .map(|_| Thread::create(Sleeper::Green))
        .collect()
}

/// Which of `all` these are, in order.
fn numbers(all: &[&'static Thread], mut list: List) -> Vec<usize> {
    std::iter::from_fn(|| list.pop())
        .map(|seat| all.iter().position(|one| std::ptr::eq(*one, seat.thread())))
        .map(Option::unwrap)
        .collect()
}

#[derive(Clone, Debug)]
enum RunStep {
    Push(usize),
    Pop,
    Half,
    Share(u32),
}

fn run_step() -> impl Strategy<Value = RunStep> {
    prop_oneof![
        4 => (0..THREADS).prop_map(RunStep::Push),
        2 => Just(RunStep::Pop),
        1 => Just(RunStep::Half),
        1 => (1..4u32).prop_map(RunStep::Share),
    ]
}

#[derive(Clone, Debug)]
enum EdgeStep {
    /// Notes life and edges.
    Look(usize),
    /// Waits for one after those that were noted.
    Wait(usize, bool, bool),
    Withdraw(usize),
    /// In the present life or in the one before, in these directions, for all.
    Event(bool, [bool; 2], bool),
    PassOn(bool),
    /// Ends the present life, or the one that somebody has noted, if it still lasts.
    End(u8, Option<usize>),
}

fn edge_step() -> impl Strategy<Value = EdgeStep> {
    let flag = any::<bool>;
    prop_oneof![
        5 => (0..THREADS).prop_map(EdgeStep::Look),
        8 => (0..THREADS, flag(), flag()).prop_map(|(who, writes, looks)| EdgeStep::Wait(who, writes, looks)),
        2 => (0..THREADS).prop_map(EdgeStep::Withdraw),
        4 => (prop::bool::weighted(0.8), [flag(), flag()], prop::bool::weighted(0.2))
            .prop_map(|(present, directions, all)| EdgeStep::Event(present, directions, all)),
        1 => flag().prop_map(EdgeStep::PassOn),
        2 => (0..4u8, prop::option::of(0..THREADS)).prop_map(|(next, who)| EdgeStep::End(next, who)),
    ]
}

/// What may follow the end of a life.
const NEXT: [Next; 4] = [
    Next::Unknown,
    Next::Closing,
    Next::Replacement,
    Next::Shared,
];

fn direction(writes: bool) -> Direction {
    if writes {
        Direction::Write
    } else {
        Direction::Read
    }
}

/// Who waits in a direction of the plain model, and whether as a consumer.
type Side = VecDeque<(usize, bool)>;

/// Whom an edge wakes: all who only look, and the first of the others.
fn woken_by(side: &mut Side, all: bool) -> Vec<usize> {
    let mut consumed = false;
    let wakes = |waiter: &(usize, bool)| {
        let wakes = all || !waiter.1 || !consumed;
        consumed |= waiter.1;
        wakes
    };
    let (woken, left): (Vec<_>, Vec<_>) = side.drain(..).partition(wakes);
    side.extend(left);
    woken.into_iter().map(|waiter| waiter.0).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Threads leave a run queue in the order in which they came, however many at a time.
    #[test]
    fn run_queues_are_fifos(steps in prop::collection::vec(run_step(), 0..100)) {
        let all = threads();
        let queue = RunQueue::<0>::default();
        let mut plain = VecDeque::new();
        for step in steps {
            let (taken, count) = match step {
                RunStep::Push(who) => {
                    if !plain.contains(&who) {
                        let mut one = List::new();
                        one.push(all[who].seat());
                        queue.push(one);
                        plain.push_back(who);
                    }
                    (List::new(), 0)
                }
                RunStep::Pop => {
                    let mut one = List::new();
                    if let Some(seat) = queue.with(List::pop) {
                        one.push(seat);
                    }
                    (one, plain.len().min(1))
                }
                RunStep::Half => (queue.take_half(), plain.len().div_ceil(2)),
                RunStep::Share(takers) => {
                    (queue.take_share(takers), plain.len().div_ceil(takers as usize))
                }
            };
            prop_assert_eq!(numbers(&all, taken), plain.drain(..count).collect::<Vec<_>>());
            prop_assert_eq!(queue.len() as usize, plain.len());
        }
    }

    /// An edge wakes whom it concerns, in order; nobody waits for one that was, or in a life
    /// that is over; who waits when it ends learns so.
    #[test]
    fn edges_wake_whom_they_concern(steps in prop::collection::vec(edge_step(), 0..200)) {
        let all = threads();
        let edges = Edges::default();
        let links = all.iter().map(|_| UnsafeCell::new(None)).collect::<Vec<_>>();
        let mut noted = [(0, [0; 2]); THREADS];
        let (mut life, mut counts, mut sides) = (0u32, [0u32; 2], [Side::new(), Side::new()]);
        for step in steps {
            let mut woken = Woken::new();
            let mut expected: Vec<usize> = Vec::new();
            let mut reason = Wake::Ready;
            match step {
                EdgeStep::Look(who) => {
                    let present = [Direction::Read, Direction::Write].map(|side| edges.count(side));
                    prop_assert_eq!((edges.generation(), present), (life, counts));
                    noted[who] = (life, counts);
                }
                EdgeStep::Wait(who, writes, looks) => {
                    if sides.iter().flatten().all(|waiter| waiter.0 != who) {
                        let role = if looks { Role::Observer } else { Role::Consumer };
                        // SAFETY: nobody else uses the place; who waits there does not.
                        let link: &UnsafeCell<Link> =
                            unsafe { (*links[who].get()).insert(Link::new(all[who], role)) };
                        let (its_life, its_counts) = noted[who];
                        all[who].arm(Cancellation::Never);
                        let side = writes as usize;
                        // SAFETY: the link stays until the thread is woken.
                        let queued = unsafe {
                            edges.enqueue(direction(writes), its_life, its_counts[side], link)
                        };
                        if its_life != life {
                            prop_assert_eq!(queued, Err(Wake::Closed));
                        } else if its_counts[side] != counts[side] {
                            prop_assert_eq!(queued, Err(Wake::Ready));
                        } else {
                            prop_assert_eq!(queued, Ok(()));
                            sides[side].push_back((who, !looks));
                        }
                        if queued.is_err() {
                            prop_assert_eq!(all[who].seat().word.take_back(), None);
                        } else {
                            let _ = all[who].seat().word.save();
                        }
                    }
                }
                EdgeStep::Withdraw(who) => {
                    let side = sides
                        .iter()
                        .position(|side| side.iter().any(|waiter| waiter.0 == who));
                    if let Some(side) = side {
                        reason = Wake::Timeout;
                        prop_assert!(woken.claim(all[who].seat(), reason));
                        // SAFETY: in the queue, so there is one.
                        let link = unsafe { (*links[who].get()).as_ref() }.unwrap();
                        edges.withdraw(direction(side == 1), link);
                        sides[side].retain(|waiter| waiter.0 != who);
                        expected.push(who);
                    }
                }
                EdgeStep::Event(present, directions, everybody) => {
                    let its_life = if present { life } else { life.wrapping_sub(2) };
                    let mut is_noted = false;
                    edges.event(its_life, directions, everybody, &mut woken, || is_noted = true);
                    prop_assert_eq!(is_noted, present);
                    for side in (0..2).filter(|side| present && directions[*side]) {
                        counts[side] += 1;
                        expected.extend(woken_by(&mut sides[side], everybody));
                    }
                }
                EdgeStep::PassOn(writes) => {
                    edges.pass_on(direction(writes), &mut woken);
                    expected = woken_by(&mut sides[writes as usize], false);
                }
                EdgeStep::End(next, who) => {
                    let next = NEXT[next as usize];
                    let meant = who.map_or(life, |who| noted[who].0);
                    let mut is_over = false;
                    let following =
                        edges.end(|name| name == meant, next, &mut woken, || is_over = true);
                    prop_assert_eq!(is_over, meant == life);
                    if is_over {
                        prop_assert!(following > life);
                        life = following;
                        let is_between = matches!(next, Next::Closing | Next::Replacement);
                        prop_assert_eq!(is_uncertain(life), is_between);
                        for (count, side) in counts.iter_mut().zip(&mut sides) {
                            *count += 1;
                            expected.extend(woken_by(side, true));
                        }
                        reason = Wake::Closed;
                    }
                    prop_assert_eq!((following, edges.generation()), (life, life));
                }
            }
            for (writes, side) in sides.iter().enumerate() {
                prop_assert_eq!(edges.first(direction(writes == 1)).is_null(), side.is_empty());
            }
            prop_assert!(woken.kernel.first().is_none());
            prop_assert_eq!(&numbers(&all, woken.runnable), &expected);
            for who in expected {
                prop_assert_eq!(all[who].seat().word.finish(), reason);
            }
        }
    }
}
