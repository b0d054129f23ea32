//! Where threads wait, and how they are found there.
//!
//! - [`queue`]: by an address;
//! - [`timer`]: for a point in time (`deadlines`: all of them);
//! - [`woken`]: those whose wait is over.
//!
//! (Those who wait for a descriptor are in the hub's table.)

#[cfg(not(model))]
mod deadlines;
#[cfg(not(model))]
mod process;
pub mod queue;
pub mod timer;
pub mod woken;

#[cfg(not(model))]
pub use process::{DEADLINES, QUEUES};
