//! Atomics and fences, under one name, so that the lock-free parts can be compiled
//! against a model checker's.

pub use core::sync::atomic::{
    AtomicBool, AtomicI32, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
};
