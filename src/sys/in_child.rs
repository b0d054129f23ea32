//! What a forked child does to the state of its parent.
//!
//! The child has one thread. Whoever keeps something of other threads in a static (a lock
//! that one of them may hold, a list that they are in) says next to it how that becomes as
//! at the program's start: `in_child!(reset);`. `scripts/check-statics` looks for those who
//! forget.

use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

/// One thing to do. Nothing may depend on the order.
pub struct Reset {
    call: unsafe fn(),
    next: AtomicPtr<Reset>,
}

/// Known since the library was loaded. A forked child keeps it.
static ALL: AtomicPtr<Reset> = AtomicPtr::new(ptr::null_mut());

impl Reset {
    /// Calls `call`, which may count on nobody else running.
    pub const fn new(call: unsafe fn()) -> Self {
        Self {
            call,
            next: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// Has it done in children from here on. The loader calls constructors one by one.
    pub fn register(&'static self) {
        self.next
            .store(ALL.load(Ordering::Relaxed), Ordering::Relaxed);
        ALL.store(ptr::from_ref(self).cast_mut(), Ordering::Relaxed);
    }
}

/// Does all of it.
///
/// # Safety
/// The caller is the process's only thread.
pub unsafe fn reset_all() {
    let mut next = ALL.load(Ordering::Relaxed);
    // SAFETY: null or a static.
    while let Some(reset) = unsafe { next.as_ref() } {
        // SAFETY: as the caller promises.
        unsafe { (reset.call)() };
        next = reset.next.load(Ordering::Relaxed);
    }
}

/// `in_child!(reset);`: has the function called in a forked child, as its only thread, where
/// green threads have run.
macro_rules! in_child {
    ($reset:path) => {
        const _: () = {
            static RESET: $crate::sys::in_child::Reset = $crate::sys::in_child::Reset::new($reset);

            #[ctor::ctor(unsafe)]
            fn register() {
                RESET.register();
            }
        };
    };
}
pub(crate) use in_child;
