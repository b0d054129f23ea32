//! Queues by address, and the mutex that hands itself over in them.
#![cfg(feature = "loom")]

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;
use models::sched::{QUEUES, current, park, wake};
use models::sync::mutex::Mutex;
use models::sys::clock::NEVER;
use models::task::Thread;
use models::task::seat::Seat;
use models::task::word::{Cancellation, Sleeper, Wake};
use models::wait::queue::Verdict;
use models::wait::woken::Woken;

/// A waiter looks at the value under the queue's lock, the waker changes it before it looks
/// for waiters: nobody sleeps through the change.
#[test]
fn a_change_before_the_wake_is_seen_or_wakes() {
    loom::model(|| {
        let value = Arc::new(AtomicU32::new(0));
        let key = Arc::as_ptr(&value) as usize;
        let waiter = {
            let value = value.clone();
            thread::spawn(move || {
                while value.load(Ordering::Acquire) == 0 {
                    let unchanged = || (value.load(Ordering::Relaxed) == 0).then_some(0);
                    park::on_address(key, NEVER, Cancellation::Never, unchanged, || (), || ());
                }
            })
        };
        value.store(1, Ordering::Release);
        wake::address(key, |_, _| Verdict::Wake(Wake::Ready), |_, _| ());
        waiter.join().unwrap();
    });
}

/// A waiter that leaves by itself and one that moves all waiters elsewhere: the waiter is in
/// no queue afterwards, and is woken by nobody.
#[test]
fn a_waiter_leaves_wherever_a_requeue_has_put_it() {
    loom::model(|| {
        // Two keys of the same bucket, and of different ones.
        for (from, to) in [(8, 16), (8, 48)] {
            let me = current();
            assert!(QUEUES.enter(me, from, Cancellation::Never, || Some(0)));
            let mover = thread::spawn(move || {
                let mut woken = Woken::new();
                let moved = QUEUES.requeue(from, to, (0, 1), &mut woken, || true);
                wake::all(woken);
                moved.unwrap().1
            });
            let mut woken = Woken::new();
            assert!(woken.claim(me.seat(), Wake::Interrupted));
            wake::all(woken);
            assert_eq!(me.sleep(), Wake::Interrupted);
            let left = Arc::new(AtomicU32::new(0));
            QUEUES.withdraw(me, || {
                left.fetch_add(1, Ordering::Relaxed);
            });
            assert_eq!(left.load(Ordering::Relaxed), 1);
            assert!(mover.join().unwrap() <= 1);
            for key in [from, to] {
                let found = wake::address(key, |_, _| Verdict::Stop, |_, remain| remain);
                assert!(!found);
            }
        }
    });
}

/// A waiter that is away for a moment, and a wake-up: it is not lost, wherever it meets the
/// waiter.
#[test]
fn a_waker_finds_who_is_absent() {
    const KEY: usize = 8;
    loom::model(|| {
        let me = current();
        assert!(QUEUES.enter(me, KEY, Cancellation::Never, || Some(0)));
        let waker = thread::spawn(|| {
            let first = |_: &Seat, count| match count {
                0 => Verdict::Wake(Wake::Ready),
                _ => Verdict::Stop,
            };
            wake::at(KEY, |mut waiters, woken| {
                if waiters.claim(woken, first).0 == 0 {
                    waiters.release_absent(1, || ());
                }
            });
        });
        let mut woken = Woken::new();
        let _is_first = woken.claim(me.seat(), Wake::Interrupted);
        wake::all(woken);
        if me.sleep() == Wake::Interrupted
            && let Some(absence) = QUEUES.step_out(me, KEY)
            && QUEUES.step_in(me, &absence, Cancellation::Never)
        {
            assert_eq!(me.sleep(), Wake::Ready);
        }
        waker.join().unwrap();
        let found = wake::address(KEY, |_, _| Verdict::Stop, |_, remain| remain);
        assert!(!found);
    });
}

fn locked_twice_by(threads: usize) {
    let shared = Arc::new((Mutex::default(), UnsafeCell::new(0)));
    let threads: Vec<_> = (0..threads)
        .map(|_| {
            let shared = shared.clone();
            thread::spawn(move || {
                let (mutex, counter) = &*shared;
                assert_eq!(mutex.lock(Cancellation::Never), Some(0));
                counter.with_mut(|counter| unsafe { *counter += 1 });
                assert_eq!(mutex.unlock(), 0);
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    shared.1.with(|counter| assert_eq!(unsafe { *counter }, 3));
}

/// Three threads, one counter: no lost unlock, no two holders, and whoever was woken once in
/// vain gets the mutex handed over.
#[test]
fn a_mutex_has_one_holder_and_loses_no_waiter() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| locked_twice_by(3));
}

/// A waiter that was woken before and came too late is handed the mutex; those behind it are
/// not forgotten when it unlocks.
#[test]
fn who_is_handed_the_mutex_hands_it_on() {
    const RETRIED: u32 = 1;
    loom::model(|| {
        let mutex = Arc::new(Mutex::default());
        let key = Arc::as_ptr(&mutex) as usize;
        assert_eq!(mutex.lock(Cancellation::Never), Some(0));
        // It stands first, and is played by this thread.
        let retried = Thread::create(Sleeper::Green);
        assert!(QUEUES.enter(retried, key, Cancellation::Never, || Some(RETRIED)));
        let last = {
            let mutex = mutex.clone();
            thread::spawn(move || {
                assert_eq!(mutex.lock(Cancellation::Never), Some(0));
                assert_eq!(mutex.unlock(), 0);
            })
        };
        assert_eq!(mutex.unlock(), 0);
        if retried.seat().word.is_claimed() {
            assert_eq!(retried.seat().word.finish(), Wake::Granted);
            assert_eq!(mutex.unlock(), 0);
        }
        last.join().unwrap();
    });
}

/// Whoever waits for a mutex that is given to glibc, or is about to, learns of it, or gets it
/// and knows whose it is.
#[test]
fn nobody_waits_for_a_mutex_that_was_given_away() {
    loom::model(|| {
        let mutex = Arc::new(Mutex::default());
        assert_eq!(mutex.lock(Cancellation::Never), Some(0));
        let other = {
            let mutex = mutex.clone();
            thread::spawn(move || match mutex.lock(Cancellation::Never) {
                None => assert!(mutex.is_glibcs()),
                Some(result) => {
                    assert_eq!(result, 0);
                    assert!(mutex.is_glibcs());
                }
            })
        };
        mutex.give_to_glibc();
        // What glibc's unlock comes to; its waiters are in the kernel's queue, not here.
        let found = wake::address(
            Arc::as_ptr(&mutex) as usize,
            |_, _| Verdict::Stop,
            |_, remain| remain,
        );
        assert!(!found);
        mutex.unlock();
        other.join().unwrap();
    });
}
