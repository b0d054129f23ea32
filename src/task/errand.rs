//! A system call that a thread is to make on its own kernel thread for somebody else.

use core::cell::{Cell, UnsafeCell};
use core::ffi::c_long;
use core::ptr;
use core::sync::atomic::{AtomicIsize, AtomicPtr, AtomicU32, Ordering};

use crate::sys::lock_free;
use crate::sys::pages::{self, PAGE};

/// What the call gets by a pointer may take so many bytes.
pub const ROOM: usize = 2048;

/// See the module. Two have a hold on it, who asks and who is asked: either may go first.
pub struct Errand {
    /// `SYS_*`.
    pub number: c_long,
    /// What the call is given.
    pub arguments: Cell<[usize; 6]>,
    data: UnsafeCell<[u8; ROOM]>,
    result: AtomicIsize,
    /// 1 as soon as there is a result.
    done: AtomicU32,
    holds: AtomicU32,
    next: AtomicPtr<Errand>,
}

impl Errand {
    /// One for whoever is asked to make the call `number`. `None`: no memory.
    pub fn new(number: c_long, arguments: [usize; 6]) -> Option<&'static Self> {
        const { assert!(size_of::<Self>() <= PAGE) };
        let memory = pages::reserve(PAGE)?.cast::<Self>();
        // SAFETY: fresh memory of sufficient size, until both have let go of it.
        unsafe {
            memory.write(Self {
                number,
                arguments: Cell::new(arguments),
                data: UnsafeCell::new([0; ROOM]),
                result: AtomicIsize::new(0),
                done: AtomicU32::new(0),
                holds: AtomicU32::new(2),
                next: AtomicPtr::new(ptr::null_mut()),
            });
            Some(&*memory)
        }
    }

    /// Has the argument at `place` point to a copy of `length` bytes. For who asks, before
    /// anybody is asked.
    ///
    /// # Safety
    /// The argument points to that many bytes; at most [`ROOM`].
    pub unsafe fn take_along(&self, place: usize, length: usize) {
        let mut arguments = self.arguments.get();
        let copy = self.data.get().cast::<u8>();
        // SAFETY: as the caller promises; nobody else knows of the errand yet.
        unsafe { ptr::copy_nonoverlapping(arguments[place] as *const u8, copy, length) };
        arguments[place] = copy.addr();
        self.arguments.set(arguments);
    }

    /// The address to wait at for the [result](Self::result).
    pub fn key(&self) -> usize {
        self.done.as_ptr().addr()
    }

    /// What the call has returned, if it was made.
    pub fn result(&self) -> Option<isize> {
        // Acquire pairs with the Release in `finish`.
        (self.done.load(Ordering::Acquire) == 1).then(|| self.result.load(Ordering::Relaxed))
    }

    /// The call has returned `result`. Whoever waits has to be woken.
    pub fn finish(&self, result: isize) {
        self.result.store(result, Ordering::Relaxed);
        self.done.store(1, Ordering::Release);
    }

    /// Ends one of the two holds.
    pub fn let_go(&self) {
        // AcqRel: what the other one has done with it comes before the release.
        if self.holds.fetch_sub(1, Ordering::AcqRel) == 1 {
            // SAFETY: from `new`; nobody has it any more.
            unsafe { pages::release(ptr::from_ref(self).cast_mut().cast(), PAGE) };
        }
    }
}

/// A thread's errands, the one that was given last first.
pub struct Errands(AtomicPtr<Errand>);

impl Errands {
    /// Whether there are any.
    pub fn is_empty(&self) -> bool {
        self.0.load(Ordering::SeqCst).is_null()
    }

    /// There are none, in a forked child: who has given them is not there.
    pub fn forget(&self) {
        self.0.store(ptr::null_mut(), Ordering::Relaxed);
    }

    /// One more. Whoever gives one looks afterwards whether the thread has ended, and who
    /// ends looks afterwards for errands (SeqCst on both sides).
    pub fn push(&self, errand: &'static Errand) {
        lock_free::push(&self.0, errand, &errand.next);
    }

    /// Takes all, in the order in which they were given.
    pub fn take(&self, mut each: impl FnMut(&'static Errand)) {
        let mut given = self.0.swap(ptr::null_mut(), Ordering::SeqCst);
        let mut reversed: *mut Errand = ptr::null_mut();
        // SAFETY: errands in the list are held for the thread whose list it is.
        while let Some(errand) = unsafe { given.as_ref() } {
            let next = errand.next.swap(reversed, Ordering::Relaxed);
            reversed = given;
            given = next;
        }
        // SAFETY: as above, until `each` has let go of it.
        while let Some(errand) = unsafe { reversed.as_ref() } {
            reversed = errand.next.load(Ordering::Relaxed);
            each(errand);
        }
    }
}
