//! What differs from one processor to the next, and nothing else: a port replaces this.
//!
//! The switch of contexts itself is the `context` crate's, which has it for many.

#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(target_arch = "x86_64")]
pub use x86_64::*;
