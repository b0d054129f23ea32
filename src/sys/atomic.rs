//! Atomics and fences, under one name, so that the lock-free parts can be compiled
//! against a model checker's.

pub use core::sync::atomic::{
    AtomicBool, AtomicI32, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
};

/// Between a store and a load that are both sequentially consistent: nothing but for the model
/// checker, which takes them for less.
#[inline(always)]
pub fn sequential() {}
