//! Synchronisation objects over wait queues keyed by address.
//!
//! Each object keeps glibc's size, and where glibc's initialisers or its own code
//! look at it, glibc's layout. Nothing is allocated.

pub mod barrier;
pub mod cond;
pub mod futex;
pub mod futex2;
pub mod futex_call;
mod futex_pi;
pub mod futex_waitv;
pub mod inner_lock;
pub mod loader_lock;
pub mod mutex;
pub mod rwlock;
pub mod sem;
pub mod time;
