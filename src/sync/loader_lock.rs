//! The loader's mutexes, which libc and ld.so take and give back by two functions of libc's that are patched.
//!
//! Whoever opens, closes or looks for something holds one, over constructors of the program's and calls of its allocator:
//! he may be parked. So those who wait for it park, too: did they block their kernel threads, none might be left to
//! run him, and for a further one libc takes such a lock itself.
//!
//! They are recursive mutexes, without condition variables and without deadlines.

use super::inner_lock;
use super::mutex::Mutex;
use crate::glibc::{loader, patch};

/// Whether the mutex is one, as far as is known.
pub fn is_one(mutex: &Mutex) -> bool {
    loader::range().contains(&core::ptr::from_ref(mutex).addr())
}

/// Whether who waits for one parks.
pub fn parks() -> bool {
    patch::have_all(&[patch::LOCK, patch::UNLOCK])
}

/// As `pthread_mutex_lock(3p)`.
pub fn lock(mutex: &Mutex) -> i32 {
    mutex.lock_by(inner_lock::lock_mutex)
}

/// As `pthread_mutex_unlock(3p)`.
pub fn unlock(mutex: &Mutex) -> i32 {
    mutex.unlock_by(inner_lock::wake_any)
}
