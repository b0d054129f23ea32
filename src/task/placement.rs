//! Where a stack lies.

use core::cell::Cell;

/// Where a thread's stack lies. The guard is below `base`.
#[derive(Default)]
pub struct Placement {
    base: Cell<usize>,
    size: Cell<usize>,
    guard: Cell<usize>,
}

/// A stack for a new husk.
#[derive(Clone, Copy)]
pub struct Stack {
    /// The lowest usable address.
    pub base: usize,
    /// Usable bytes, static TLS and TCB included.
    pub size: usize,
    /// Unusable bytes below.
    pub guard: usize,
}

impl Placement {
    /// Records where the stack is.
    pub fn set(&self, stack: Stack) {
        self.base.set(stack.base);
        self.size.set(stack.size);
        self.guard.set(stack.guard);
    }

    /// The lowest usable address.
    pub fn base(&self) -> usize {
        self.base.get()
    }

    /// Bytes from `base` to the end, TLS and TCB included.
    pub fn size(&self) -> usize {
        self.size.get()
    }

    /// Unusable bytes below `base`.
    pub fn guard(&self) -> usize {
        self.guard.get()
    }

    /// Whether `address` is one of those.
    pub fn has_in_guard(&self, address: usize) -> bool {
        self.base().wrapping_sub(address).wrapping_sub(1) < self.guard()
    }
}
