//! What a forked child does to the state of its parent.
//!
//! The child has one thread. Whoever keeps something of other threads in a static (a lock
//! that one of them may hold, a list that they are in) says next to it how that becomes as
//! at the program's start: `in_child!(reset);`. Most of that is only touched where green threads
//! run. What threads that libgreen does not schedule touch as well, or a process without any, is
//! put right in every child: `in_child!(always reset);`. `scripts/check-statics` looks for those
//! who forget.

use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

/// One thing to do. Nothing may depend on the order.
pub struct Reset {
    call: unsafe fn(),
    next: AtomicPtr<Reset>,
}

/// What is done in the same children.
pub struct List(AtomicPtr<Reset>);

/// In every child. Known since the library was loaded: a forked child keeps it.
pub static ALWAYS: List = List(AtomicPtr::new(ptr::null_mut()));
/// Where green threads have run. A forked child keeps it, too.
pub static AFTER_THREADS: List = List(AtomicPtr::new(ptr::null_mut()));

impl Reset {
    /// Calls `call`, which may count on nobody else running.
    pub const fn new(call: unsafe fn()) -> Self {
        Self {
            call,
            next: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// Has it done in children from here on. The loader calls constructors one by one.
    pub fn register(&'static self, list: &'static List) {
        self.next
            .store(list.0.load(Ordering::Relaxed), Ordering::Relaxed);
        list.0
            .store(ptr::from_ref(self).cast_mut(), Ordering::Relaxed);
    }
}

impl List {
    /// Does all of it.
    ///
    /// # Safety
    /// The caller is the process's only thread.
    pub unsafe fn reset(&self) {
        let mut next = self.0.load(Ordering::Relaxed);
        // SAFETY: null or a static.
        while let Some(reset) = unsafe { next.as_ref() } {
            // SAFETY: as the caller promises.
            unsafe { (reset.call)() };
            next = reset.next.load(Ordering::Relaxed);
        }
    }
}

/// `in_child!(reset);`: has the function called in a forked child, as its only thread, where
/// green threads have run. `in_child!(always reset);`: in every one.
macro_rules! in_child {
    (always $reset:path) => {
        $crate::sys::in_child::in_child!(@in ALWAYS, $reset);
    };
    ($reset:path) => {
        $crate::sys::in_child::in_child!(@in AFTER_THREADS, $reset);
    };
    (@in $list:ident, $reset:path) => {
        const _: () = {
            static RESET: $crate::sys::in_child::Reset = $crate::sys::in_child::Reset::new($reset);

            #[ctor::ctor(unsafe)]
            fn register() {
                RESET.register(&$crate::sys::in_child::$list);
            }
        };
    };
}
pub(crate) use in_child;
