//! What is modelled of `sync/`.

#[path = "../../../../src/sync/mutex.rs"]
pub mod mutex;
#[path = "../../../../src/sync/rwlock.rs"]
pub mod rwlock;
