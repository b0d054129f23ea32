//! A slot and its owner: what is queued runs once, whoever holds the slot by then.
#![cfg(feature = "loom")]

use loom::sync::Arc;
use loom::thread;
use models::sched::run_queue::{Place, RunQueue};
use models::sched::slot::{Pick, Shared, Slot};
use models::sched::worker::Worker;
use models::task::Thread;
use models::task::list::List;
use models::task::word::Sleeper;

fn one(thread: &Thread) -> List {
    let mut list = List::new();
    list.push(thread.seat());
    list
}

fn is_run(pick: (Pick, u32), thread: &Thread) -> bool {
    matches!(pick.0, Pick::Run(next) if std::ptr::eq(next, thread))
}

/// The monitor gives the slot of a stuck worker to another, while the former comes back and
/// makes a thread runnable: it runs at the slot or is given back, not both and not neither.
#[test]
fn a_thread_is_queued_at_a_slot_of_ones_own_or_given_back() {
    loom::model(|| {
        let shared = Arc::new((Slot::default(), Shared::default()));
        let [stuck, other] = [(); 2].map(|()| &*Box::leak(Box::new(Worker::default())));
        let awake = Thread::create(Sleeper::Green);
        shared.0.assign(stuck);
        let monitor = {
            let shared = shared.clone();
            thread::spawn(move || {
                let (slot, others) = &*shared;
                let taken = slot.take_from(stuck, Some(0));
                if taken {
                    slot.assign(other);
                }
                taken && is_run(slot.pick(other, others, 1), awake)
            })
        };
        let (slot, others) = &*shared;
        let given_back = slot.push(stuck, one(awake), Place::Last).is_err();
        let run_here = is_run(slot.pick(stuck, others, 1), awake);
        let run_there = monitor.join().unwrap();
        // What nobody has picked yet is still queued.
        let left = slot.queued() == 1;
        let places = [given_back, run_here, run_there, left];
        if slot.owner().cast_const() != std::ptr::from_ref(stuck) {
            let late = Thread::create(Sleeper::Green);
            assert!(slot.push(stuck, one(late), Place::Last).is_err());
        }
        assert_eq!(
            places.into_iter().filter(|here| *here).count(),
            1,
            "{places:?}"
        );
    });
}

/// A worker that has dispatched since the monitor's look keeps its slot.
#[test]
fn a_slot_is_not_taken_from_a_worker_that_moves() {
    loom::model(|| {
        let shared = Arc::new((Slot::default(), Shared::default()));
        let worker = &*Box::leak(Box::new(Worker::default()));
        let next = Thread::create(Sleeper::Green);
        shared.0.assign(worker);
        assert!(shared.0.push(worker, one(next), Place::Last).is_ok());
        let monitor = {
            let shared = shared.clone();
            thread::spawn(move || shared.0.take_from(worker, Some(0)))
        };
        let moved = is_run(shared.0.pick(worker, &shared.1, 1), next);
        assert_ne!(moved, monitor.join().unwrap());
    });
}

/// Two workers help themselves to the global queue: everybody runs once.
#[test]
fn the_global_queue_is_shared_out() {
    loom::model(|| {
        let global = Arc::new(RunQueue::<0>::default());
        for _ in 0..3 {
            global.push(one(Thread::create(Sleeper::Green)));
        }
        let takers: Vec<_> = (0..2)
            .map(|_| {
                let global = global.clone();
                thread::spawn(move || global.take_share(2).len() + global.take_half().len())
            })
            .collect();
        let taken: u32 = takers.into_iter().map(|taker| taker.join().unwrap()).sum();
        assert_eq!(taken + global.len(), 3);
    });
}

/// Who has been given a lock runs before those who wait for their turn, and may want it.
#[test]
fn a_new_owner_of_a_lock_runs_first() {
    loom::model(|| {
        let (slot, others) = (Slot::default(), Shared::default());
        let worker = &*Box::leak(Box::new(Worker::default()));
        let [waiting, owner] = [(); 2].map(|()| Thread::create(Sleeper::Green));
        slot.assign(worker);
        assert!(matches!(
            slot.push(worker, one(waiting), Place::Last),
            Ok(1)
        ));
        assert!(matches!(slot.push(worker, one(owner), Place::First), Ok(2)));
        assert!(is_run(slot.pick(worker, &others, 1), owner));
        assert!(is_run(slot.pick(worker, &others, 1), waiting));
    });
}
