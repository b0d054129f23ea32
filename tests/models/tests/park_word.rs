//! The park word: one claim wins, and the thread is made runnable exactly once.
#![cfg(feature = "loom")]

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;
use models::sys::futex;
use models::task::Thread;
use models::task::word::{Cancellation, Claim, Saved, Sleeper, Wake};
use models::wait::woken::Woken;

/// Two wakers and the context that saves the waiter: of all three exactly one is told to
/// make it runnable, and exactly one waker has won.
#[test]
fn a_green_waiter_is_made_runnable_once() {
    loom::model(|| {
        let waiter = Thread::create(Sleeper::Green);
        let runnable = Arc::new(AtomicU32::new(0));
        waiter.arm(Cancellation::Never);
        let wakers: Vec<_> = [Wake::Ready, Wake::Timeout]
            .into_iter()
            .map(|reason| {
                let runnable = runnable.clone();
                thread::spawn(move || match waiter.seat().word.claim(reason) {
                    Claim::Lost => None,
                    Claim::Runnable => {
                        runnable.fetch_add(1, Ordering::Relaxed);
                        Some(reason)
                    }
                    Claim::Pending => Some(reason),
                    Claim::Kernel => unreachable!("the waiter is green"),
                    Claim::Branch => unreachable!("it is no branch"),
                })
            })
            .collect();
        if waiter.seat().word.save() == Saved::Claimed {
            runnable.fetch_add(1, Ordering::Relaxed);
        }
        let won: Vec<_> = wakers
            .into_iter()
            .filter_map(|waker| waker.join().unwrap())
            .collect();
        assert_eq!(won.len(), 1);
        assert_eq!(runnable.load(Ordering::Relaxed), 1);
        assert_eq!(waiter.seat().word.finish(), won[0]);
    });
}

/// What the saver wrote before (the registers) is seen by the waker that makes the thread
/// runnable, and what the waker wrote before is seen by the thread.
#[test]
fn a_claim_publishes_in_both_directions() {
    loom::model(|| {
        let waiter = Thread::create(Sleeper::Green);
        let registers = Arc::new(UnsafeCell::new(0));
        let message = Arc::new(UnsafeCell::new(0));
        waiter.arm(Cancellation::Never);
        let waker = {
            let (registers, message) = (registers.clone(), message.clone());
            thread::spawn(move || {
                message.with_mut(|message| unsafe { *message = 1 });
                let claim = waiter.seat().word.claim(Wake::Ready);
                if claim == Claim::Runnable {
                    registers.with(|registers| assert_eq!(unsafe { *registers }, 1));
                }
                claim
            })
        };
        registers.with_mut(|registers| unsafe { *registers = 1 });
        if waiter.seat().word.save() == Saved::Claimed {
            assert_eq!(waiter.seat().word.finish(), Wake::Ready);
            message.with(|message| assert_eq!(unsafe { *message }, 1));
        }
        assert_ne!(waker.join().unwrap(), Claim::Lost);
    });
}

/// A waiter that does not park after all, and a waker: the claim is seen by the former, or
/// the latter has lost.
#[test]
fn a_wait_that_is_taken_back_is_claimed_or_not() {
    loom::model(|| {
        let waiter = Thread::create(Sleeper::Green);
        waiter.arm(Cancellation::Point);
        let waker = thread::spawn(move || waiter.seat().word.claim(Wake::Interrupted));
        let claimed = waiter.seat().word.take_back();
        match waker.join().unwrap() {
            Claim::Lost => assert_eq!(claimed, None),
            Claim::Pending => assert_eq!(claimed, Some(Wake::Interrupted)),
            claim => panic!("{claim:?} of a thread that has not left the CPU"),
        }
        assert!(!waiter.seat().word.is_claimed());
    });
}

/// A kernel thread goes on, and may be gone with its block, only when its waker has taken
/// it out of the list of woken ones: loom's cells would tell of an access after that.
#[test]
fn a_kernel_thread_stays_until_it_is_let_go() {
    loom::model(|| {
        let waiter = Thread::create(Sleeper::Kernel);
        waiter.arm(Cancellation::Never);
        let wakers: Vec<_> = [Wake::Ready, Wake::Closed]
            .into_iter()
            .map(|reason| {
                thread::spawn(move || {
                    let mut woken = Woken::new();
                    let won = woken.claim(waiter.seat(), reason);
                    while let Some(seat) = woken.kernel.pop() {
                        futex::wake(seat.word.release(), 1);
                    }
                    won
                })
            })
            .collect();
        let reason = waiter.sleep();
        assert!(matches!(reason, Wake::Ready | Wake::Closed));
        // The block is somebody else's.
        waiter.seat().follower.set(waiter.seat());
        let winners = wakers
            .into_iter()
            .filter(|_| true)
            .map(|waker| waker.join().unwrap());
        assert_eq!(winners.filter(|won| *won).count(), 1);
    });
}

/// A waiter whose own time-out comes first is not claimed again.
#[test]
fn a_kernel_thread_claims_itself_at_its_deadline() {
    loom::model(|| {
        let waiter = Thread::create(Sleeper::Kernel);
        waiter.arm(Cancellation::Never);
        let waker = thread::spawn(move || {
            let mut woken = Woken::new();
            let won = woken.claim(waiter.seat(), Wake::Ready);
            while let Some(seat) = woken.kernel.pop() {
                futex::wake(seat.word.release(), 1);
            }
            won
        });
        let mut own = Woken::new();
        let timed_out = own.claim(waiter.seat(), Wake::Timeout);
        while let Some(seat) = own.kernel.pop() {
            let _ = seat.word.release();
        }
        let reason = waiter.sleep();
        assert_eq!(timed_out, reason == Wake::Timeout);
        assert_eq!(waker.join().unwrap(), !timed_out);
    });
}
