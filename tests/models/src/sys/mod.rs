//! The seam to the kernel, as the models have it.

/// loom's atomics, or the real ones.
pub mod atomic {
    #[cfg(not(feature = "loom"))]
    pub use core::sync::atomic::{
        AtomicBool, AtomicI32, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
    };
    #[cfg(feature = "loom")]
    pub use loom::sync::atomic::{
        AtomicBool, AtomicI32, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
    };

    /// loom takes what is sequentially consistent for acquire and release.
    pub fn sequential() {
        fence(Ordering::SeqCst);
    }
}

/// Both kinds are full fences.
#[cfg(feature = "loom")]
pub mod membarrier {
    use super::atomic::{Ordering, fence};

    /// As the library's.
    pub fn light() {
        fence(Ordering::SeqCst);
    }

    /// As the library's.
    pub fn heavy() -> bool {
        fence(Ordering::SeqCst);
        true
    }
}

/// loom's cells, or the real ones.
pub mod cell {
    #[cfg(not(feature = "loom"))]
    pub use core::cell::Cell;
    #[cfg(feature = "loom")]
    pub use loom::cell::Cell;
}

/// Time does not pass.
pub mod clock {
    /// As the library's.
    pub type Instant = u64;
    /// As the library's.
    pub const NEVER: Instant = u64::MAX;
    /// As the library's.
    pub const SECOND: u64 = 1_000_000_000;
    /// As the library's.
    pub const MILLISECOND: u64 = 1_000_000;
}

#[cfg(feature = "loom")]
pub mod futex;
