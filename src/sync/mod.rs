//! Synchronisation objects over wait queues keyed by address.

pub mod queue;
