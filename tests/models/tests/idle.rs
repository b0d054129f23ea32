//! Idle workers: no thread becomes runnable beside an idle slot without somebody to run it.
#![cfg(feature = "loom")]

use loom::sync::atomic::{AtomicBool, Ordering};
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;
use models::sched::bell::Bell;
use models::sched::idle::board::{Board, Help};
use models::sched::run_queue::RunQueue;
use models::sched::worker::Worker;
use models::sys::clock::NEVER;
use models::task::Thread;
use models::task::list::List;
use models::task::word::Sleeper;

/// A process with one slot.
#[derive(Default)]
struct Process {
    board: Board,
    queue: RunQueue<0>,
    has_run: AtomicBool,
    /// The hub's eventfd.
    kicks: Mutex<u32>,
    kicked: Condvar,
}

impl Process {
    fn kick(&self) {
        *self.kicks.lock().unwrap() += 1;
        self.kicked.notify_all();
    }

    /// Waits in the hub.
    fn await_kick(&self) {
        let mut kicks = self.kicks.lock().unwrap();
        while *kicks == 0 {
            kicks = self.kicked.wait(kicks).unwrap();
        }
        *kicks = 0;
    }

    /// Makes a thread runnable and sees to it that somebody runs it.
    fn make_runnable(&self) {
        let mut list = List::new();
        list.push(Thread::create(Sleeper::Green).seat());
        self.queue.push(list);
        if self.board.is_open() {
            self.call();
        }
    }

    fn call(&self) {
        match self.board.call() {
            Help::None => {}
            Help::Sleeper(worker, _) => worker.wake(),
            Help::Poller => self.kick(),
            // The worker that the monitor starts.
            Help::New => {
                if self.board.take_slot().is_some() {
                    self.run();
                }
            }
        }
    }

    /// With a slot: runs what there is, and lets everybody go then.
    fn run(&self) {
        if self.queue.take_share(1).len() > 0 {
            self.has_run.store(true, Ordering::Relaxed);
            self.kick();
            self.board.lay_down(0);
            if let Help::Sleeper(worker, _) = self.board.call() {
                worker.wake();
            }
        }
    }

    /// A worker that has found nothing, with the slot: the steps of `idle::wait`.
    fn wait(&self) {
        self.board.lay_down(0);
        if self.queue.len() == 0 && self.board.begin_polling() {
            if self.queue.len() == 0 {
                self.board.poll_until(NEVER);
                self.await_kick();
            }
            self.board.end_polling();
        }
        if self.board.take_slot().is_some() {
            self.run();
        }
    }
}

fn process() -> Arc<Process> {
    let process = Arc::new(Process::default());
    // SAFETY: nobody else knows it yet.
    unsafe { process.board.set_up(1) };
    process
}

/// A worker that goes to sleep in the hub, and somebody without a slot who makes a thread
/// runnable meanwhile.
#[test]
fn a_worker_on_its_way_to_sleep_sees_the_thread_or_is_kicked() {
    loom::model(|| {
        let process = process();
        assert_eq!(process.board.take_slot(), Some(0));
        let waker = {
            let process = process.clone();
            thread::spawn(move || process.make_runnable())
        };
        process.wait();
        waker.join().unwrap();
        assert!(process.has_run.load(Ordering::Relaxed));
    });
}

/// A slot is given away (a blocking region), and somebody makes a thread runnable meanwhile:
/// one of the two finds a worker for it.
#[test]
fn a_slot_that_is_given_away_serves_a_thread_that_comes_just_then() {
    loom::model(|| {
        let process = process();
        assert_eq!(process.board.take_slot(), Some(0));
        let waker = {
            let process = process.clone();
            thread::spawn(move || process.make_runnable())
        };
        process.board.lay_down(0);
        if process.queue.len() > 0 {
            process.call();
        }
        waker.join().unwrap();
        assert!(process.has_run.load(Ordering::Relaxed));
    });
}

/// A kick ends one wait in the hub; the next one has to be kicked anew.
#[test]
fn every_wait_in_the_hub_can_be_kicked() {
    loom::model(|| {
        let process = process();
        for _ in 0..2 {
            assert!(process.board.begin_polling());
            assert!(!process.board.begin_polling());
            assert!(matches!(process.board.call(), Help::Poller));
            assert!(matches!(process.board.call(), Help::None));
            process.board.end_polling();
        }
    });
}

/// A worker that sleeps while another waits in the hub, until that one goes: it is woken for
/// the thread, or the caller looks once more.
#[test]
fn a_worker_that_sleeps_beside_the_poller_is_not_forgotten() {
    loom::model(|| {
        let process = process();
        let worker: &'static Worker = Box::leak(Box::default());
        assert!(process.board.begin_polling());
        let poller = {
            let process = process.clone();
            thread::spawn(move || {
                // Back from the hub with an event: makes its thread runnable.
                process.board.end_polling();
                process.make_runnable();
            })
        };
        worker.prepare_sleep();
        if !process.board.sleep_beside_poller(worker) || process.queue.len() > 0 {
            process.call();
        }
        worker.sleep();
        process.run();
        if !process.has_run.load(Ordering::Relaxed) {
            process.wait();
        }
        poller.join().unwrap();
        assert!(process.has_run.load(Ordering::Relaxed));
    });
}

/// The monitor ends a worker that sleeps while somebody makes a thread runnable: either the
/// worker is called, and stays, or it ends and the call goes to a new one.
#[test]
fn a_worker_that_is_called_does_not_end() {
    loom::model(|| {
        let process = process();
        let worker: &'static Worker = Box::leak(Box::default());
        assert!(process.board.begin_polling());
        worker.prepare_sleep();
        assert!(process.board.sleep_beside_poller(worker));
        // Nobody has called it since.
        process.board.retire(1, |_| unreachable!("it is kept"));
        process.board.end_polling();
        let sleeper = {
            let process = process.clone();
            thread::spawn(move || {
                worker.sleep();
                if !worker.ends() {
                    process.run();
                }
                worker.ends()
            })
        };
        let waker = {
            let process = process.clone();
            thread::spawn(move || process.make_runnable())
        };
        let mut ended = 0;
        process.board.retire(0, |worker| {
            worker.end();
            worker.wake();
            ended += 1;
        });
        waker.join().unwrap();
        assert!(process.has_run.load(Ordering::Relaxed) || ended == 0);
        assert_eq!(sleeper.join().unwrap(), ended == 1);
        assert!(process.has_run.load(Ordering::Relaxed));
        assert!(process.board.sleeping() == 0);
    });
}

/// Those that have slept longest end, and only as many as nobody has needed.
#[test]
fn what_was_needed_lately_stays() {
    loom::model(|| {
        let process = process();
        let workers: [&'static Worker; 3] = [(); 3].map(|()| &*Box::leak(Box::default()));
        assert!(process.board.begin_polling());
        for worker in workers {
            worker.prepare_sleep();
            assert!(process.board.sleep_beside_poller(worker));
        }
        // Before that there was none.
        process
            .board
            .retire(0, |_| unreachable!("all have come just now"));
        let Help::Sleeper(called, slot) = process.board.call() else {
            unreachable!("there are three")
        };
        assert!(core::ptr::eq(called, workers[2]));
        process.board.lay_down(slot);
        assert!(process.board.sleep_beside_poller(called));
        let mut ended = Vec::new();
        process.board.retire(1, |worker| ended.push(worker));
        assert_eq!(ended.len(), 1);
        assert!(core::ptr::eq(ended[0], workers[0]));
        assert_eq!(process.board.sleeping(), 2);
    });
}

/// A new earliest deadline and whoever computes how long to wait: it waits no longer than
/// that, or is kicked.
#[test]
fn a_new_deadline_is_seen_or_kicks() {
    loom::model(|| {
        let process = process();
        let earliest = Arc::new(loom::sync::atomic::AtomicU64::new(NEVER));
        let other = {
            let (process, earliest) = (process.clone(), earliest.clone());
            thread::spawn(move || {
                earliest.store(10, Ordering::Release);
                process.board.is_late(10)
            })
        };
        assert!(process.board.begin_polling());
        let seen = earliest.load(Ordering::Acquire);
        process.board.poll_until(seen);
        // It sleeps until `seen`.
        let kicked = other.join().unwrap();
        assert!(seen == 10 || kicked);
    });
}

/// The monitor is rung for while it goes to sleep: it looks once more.
#[test]
fn a_ring_is_followed_by_a_look() {
    loom::model(|| {
        let bell = Arc::new(Bell::default());
        let wanted = Arc::new(AtomicBool::new(false));
        let other = {
            let (bell, wanted) = (bell.clone(), wanted.clone());
            thread::spawn(move || {
                wanted.store(true, Ordering::Relaxed);
                bell.ring();
            })
        };
        while !wanted.load(Ordering::Relaxed) {
            bell.sleep(|| false);
        }
        other.join().unwrap();
    });
}

/// What the monitor is needed for is written, then the bell rung only if it sleeps.
#[test]
fn a_monitor_that_falls_asleep_sees_that_it_is_needed() {
    loom::model(|| {
        let bell = Arc::new(Bell::default());
        let needed = Arc::new(AtomicBool::new(false));
        let other = {
            let (bell, needed) = (bell.clone(), needed.clone());
            thread::spawn(move || {
                needed.store(true, Ordering::Relaxed);
                bell.ring_if_asleep();
            })
        };
        let rung = bell.sleep(|| needed.load(Ordering::Relaxed));
        other.join().unwrap();
        assert!(rung || needed.load(Ordering::Relaxed));
    });
}
