//! A thread that waits at several addresses, and those who wake it there.
#![cfg(feature = "loom")]

use loom::thread;
use models::sched::{QUEUES, current, wake};
use models::task::Thread;
use models::task::seat::Seat;
use models::task::word::{Cancellation, Claim, Wake};
use models::wait::queue::Verdict;
use models::wait::woken::Woken;

/// Two of one bucket, and one of the other.
const KEYS: [usize; 3] = [8, 16, 48];
const OTHER: usize = 80;

/// The branches of the calling thread, at two keys.
struct Branches {
    me: &'static Thread,
    seats: &'static [Seat],
}

impl Branches {
    /// Enters the first `count`.
    fn enter(keys: [usize; 2], count: usize) -> Self {
        let me = current();
        let seats = Box::leak(Box::new([Seat::default(), Seat::default()]));
        me.arm(Cancellation::Never);
        let validate = |index| (index < count).then_some(0);
        // SAFETY: they stay.
        let entered = unsafe { QUEUES.enter_branches(me, seats, |index| keys[index], validate) };
        assert_eq!(entered, count);
        let seats = &seats[..count];
        Self { me, seats }
    }

    /// Withdraws them, when the wait is over: where it was woken. From here on they, and the thread's own seat, are used
    /// for something else, of which those who know them from before know nothing.
    fn withdraw(self) -> Option<usize> {
        let Self { me, seats } = self;
        let reached = QUEUES.withdraw_branches(seats);
        me.arm(Cancellation::Never);
        // SAFETY: they stay.
        unsafe { QUEUES.enter_branches(me, seats, |_| 0, |_| None) };
        reached
    }

    /// To be called when all others are done.
    fn assert_undisturbed(keys: [usize; 2]) {
        assert!(!current().seat().word.is_claimed());
        for key in keys.into_iter().chain(KEYS) {
            assert!(wake::address(
                key,
                |_, _| Verdict::Stop,
                |_, remain| !remain
            ));
        }
    }
}

/// Wakes one who waits at `key`: how many that were.
fn wake_one(key: usize) -> usize {
    let verdict = |_: &Seat, count| match count {
        0 => Verdict::Wake(Wake::Ready),
        _ => Verdict::Stop,
    };
    wake::address(key, verdict, |count, _| count)
}

/// What ends a wait beside those who wake.
fn expire(me: &Thread) {
    let mut woken = Woken::new();
    let _is_first = woken.claim(me.seat(), Wake::Timeout);
    wake::all(woken);
}

/// The last one of those who counted the waiter as woken.
fn last_of(counts: [usize; 2]) -> Option<usize> {
    counts.iter().rposition(|count| *count > 0)
}

/// Two wake at different words: who was counted as woken is told, the last of two tells.
#[test]
fn who_is_counted_twice_is_told_the_last() {
    for keys in [[KEYS[0], KEYS[1]], [KEYS[0], KEYS[2]]] {
        let mut model = loom::model::Builder::new();
        model.preemption_bound = Some(3);
        model.check(move || {
            let branches = Branches::enter(keys, 2);
            let wakers = keys.map(|key| thread::spawn(move || wake_one(key)));
            assert_eq!(branches.me.sleep(), Wake::Ready);
            let reached = branches.withdraw();
            let counts = wakers.map(|waker| waker.join().unwrap());
            assert!(reached.is_some());
            assert_eq!(reached, last_of(counts));
            Branches::assert_undisturbed(keys);
        });
    }
}

/// The deadline comes as somebody wakes: whoever is counted as woken is told so.
#[test]
fn who_is_counted_is_told_though_time_is_over() {
    loom::model(|| {
        let keys = [KEYS[0], KEYS[2]];
        let branches = Branches::enter(keys, 2);
        let waker = thread::spawn(move || wake_one(keys[1]));
        expire(branches.me);
        branches.me.sleep();
        let reached = branches.withdraw();
        assert_eq!(reached, last_of([0, waker.join().unwrap()]));
        Branches::assert_undisturbed(keys);
    });
}

/// A branch is moved and woken where it is then, or not, while the others stay.
#[test]
fn a_branch_is_found_wherever_a_requeue_has_put_it() {
    for to in [KEYS[1], KEYS[2]] {
        loom::model(move || {
            let keys = [KEYS[0], OTHER];
            let branches = Branches::enter(keys, 2);
            let mover = thread::spawn(move || {
                let mut woken = Woken::new();
                QUEUES.requeue(keys[0], to, (0, 1), &mut woken, || true);
                wake::all(woken);
                wake_one(to)
            });
            expire(branches.me);
            branches.me.sleep();
            let reached = branches.withdraw();
            assert_eq!(reached, last_of([mover.join().unwrap(), 0]));
            Branches::assert_undisturbed(keys);
        });
    }
}

/// A word that is not as expected, when others are waited for already: that is taken back, unless somebody
/// has been counted.
#[test]
fn a_wait_that_is_taken_back_loses_no_wake() {
    loom::model(|| {
        let keys = [KEYS[0], KEYS[2]];
        let waker = thread::spawn(move || wake_one(keys[0]));
        let branches = Branches::enter(keys, 1);
        if branches.me.seat().word.claim(Wake::Interrupted) == Claim::Kernel {
            branches.me.seat().word.release();
        }
        branches.me.sleep();
        let reached = branches.withdraw();
        assert_eq!(reached, last_of([waker.join().unwrap(), 0]));
        Branches::assert_undisturbed(keys);
    });
}
