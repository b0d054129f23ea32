//! The read-write lock.
#![cfg(feature = "loom")]

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;
use models::sync::rwlock::RwLock;

/// A lock that goes with the last of its users.
struct Object {
    lock: UnsafeCell<RwLock>,
    users: UnsafeCell<u32>,
}

// SAFETY: loom checks who is at what.
unsafe impl Sync for Object {}
// SAFETY: as above.
unsafe impl Send for Object {}

fn leave(object: &Object) {
    // SAFETY: the lock's own business is how it is shared.
    let place = object.lock.with(|lock| lock.cast_mut());
    let lock = unsafe { &*place };
    assert_eq!(lock.write_forever(), 0);
    let users = object.users.with_mut(|users| unsafe {
        *users -= 1;
        *users
    });
    lock.unlock();
    if users == 0 {
        // SAFETY: the last one.
        unsafe { (*place).destroy() };
    }
}

/// Whoever sees that nobody else needs the lock may destroy it as soon as it has unlocked it:
/// those before do not touch it any more.
#[test]
fn the_last_to_unlock_may_destroy_it() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(2);
    model.check(|| {
        let object = Arc::new(Object {
            lock: UnsafeCell::new(RwLock::default()),
            users: UnsafeCell::new(3),
        });
        let others: Vec<_> = (0..2)
            .map(|_| {
                let object = object.clone();
                thread::spawn(move || leave(&object))
            })
            .collect();
        leave(&object);
        for other in others {
            other.join().unwrap();
        }
    });
}
