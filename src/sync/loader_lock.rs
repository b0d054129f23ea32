//! The loader's mutexes, which libc and ld.so take and give back by two functions of libc's that are patched.
//!
//! Whoever opens, closes or looks for something holds one, over constructors of the program's and calls of its allocator.
//! Those who wait for it park: did they block their kernel threads, none might be left for others, and for a further one
//! libc takes such a lock itself.
//!
//! Who holds one is [tied](crate::sched::tie) to his kernel thread, unless that is the last one. Some who wait cannot park: the
//! monitor that is to start a kernel thread, wired threads. If he needs no further kernel thread to go on, they do. But who
//! waits for a second one parks, too: in `dlopen` he has the one that every new kernel thread needs meanwhile, and who has
//! the second may wait for somebody who needs a kernel thread.
//!
//! They are recursive mutexes, without condition variables and without deadlines.

use super::inner_lock;
use super::mutex::Mutex;
use crate::glibc::loader;
use crate::sched::tie;

/// Whether the mutex is one, as far as is known.
pub fn is_one(mutex: &Mutex) -> bool {
    loader::range().contains(&core::ptr::from_ref(mutex).addr())
}

/// As `pthread_mutex_lock(3p)`.
pub fn lock(mutex: &Mutex) -> i32 {
    let result = mutex.lock_by(|word| {
        tie::loosen_to_wait();
        inner_lock::lock_mutex(word);
    });
    if result == 0 {
        tie::tie_briefly();
    }
    result
}

/// As `pthread_mutex_unlock(3p)`.
pub fn unlock(mutex: &Mutex) -> i32 {
    let result = mutex.unlock_by(inner_lock::wake_any);
    if result == 0 {
        tie::untie_in_place();
    }
    result
}
