//! What a forked child does to the state of its parent.
//!
//! The child has one thread. Whoever keeps something of other threads in a static (a lock
//! that one of them may hold, a list that they are in) says next to it how that becomes as
//! at the program's start: `in_child!(reset);`. Most of that is only touched where green threads
//! run. What threads that libgreen does not schedule touch as well, or a process without any, is
//! put right in every child: `in_child!(always reset);`. `scripts/check-statics` looks for those
//! who forget.
//!
//! What a fork costs is page faults: one for each page that either process writes to afterwards, and
//! one for each stretch of code that the child comes to. So what is as it should be is left alone
//! ([`restore`]); statics that are large, or are written to once, are kept out of the few pages of
//! all others, by sections of their own (`.llvm.linkonce.b.tables`, by whose name the compiler knows
//! that the file need not hold its zeros, `.llvm.linkonce.b.wiped` and `green_real`). The code that a
//! child runs lies together, too (`green_fork`).

use core::ptr;
use core::sync::atomic::{
    AtomicBool, AtomicI32, AtomicIsize, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering,
};

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

/// A static that a child puts right.
pub trait Place {
    /// What it holds.
    type Value: PartialEq;
    /// That.
    fn value(&self) -> Self::Value;
    /// Makes it `value`.
    fn set(&self, value: Self::Value);
}

macro_rules! place {
    ($atomic:ident, $value:ty $(, $parameter:ident)?) => {
        impl$(<$parameter>)? Place for $atomic$(<$parameter>)? {
            type Value = $value;

            #[inline(always)]
            fn value(&self) -> $value {
                self.load(Ordering::Relaxed)
            }

            #[inline(always)]
            fn set(&self, value: $value) {
                self.store(value, Ordering::Relaxed);
            }
        }
    };
}
place!(AtomicBool, bool);
place!(AtomicI32, i32);
place!(AtomicIsize, isize);
place!(AtomicU32, u32);
place!(AtomicU64, u64);
place!(AtomicUsize, usize);
place!(AtomicPtr, *mut T, T);

/// Makes `place` hold `value`, without a store if it does: that would have the kernel copy the page.
#[inline(always)]
pub fn restore<P: Place>(place: &P, value: P::Value) {
    if place.value() != value {
        place.set(value);
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
            static RESET: $crate::sys::in_child::Reset = $crate::sys::in_child::Reset::new(put_right);

            #[unsafe(link_section = "green_fork")]
            unsafe fn put_right() {
                #[allow(unused_unsafe)]
                // SAFETY: as the caller promises, who is the process's only thread.
                unsafe {
                    $reset();
                }
            }

            #[ctor::ctor(unsafe)]
            fn register() {
                RESET.register(&$crate::sys::in_child::$list);
            }
        };
    };
}
pub(crate) use in_child;
