//! The locks inside libc: of streams, of malloc's arenas, of lists (glibc, lowlevellock.h).
//!
//! | word | meaning |
//! | --- | --- |
//! | 0 | free |
//! | 1 | held |
//! | 2 | held, and somebody may wait |
//!
//! Taking and giving back are libc's own until somebody has to wait. A green thread parks, as
//! who holds the lock may be parked himself: in a `read` for the stream. Who cannot park waits
//! in the kernel: kernel threads, children that borrow a thread, and what is critical, where
//! the runtime itself may have called malloc; whoever has all signals blocked by libc; and
//! whoever holds a lock of ld.so's, which calls malloc, too. Those who wait for that may do so in the
//! kernel with their slots, and there may be no other way to get one than a new kernel thread, for
//! which libc takes the same lock.
//!
//! So there are waiters of two kinds, and one of each is woken. The first in the queue may have
//! to wait for a slot whose owner waits in the kernel for this very lock. Who is woken marks the
//! lock with 2 again, so nobody is forgotten.
//!
//! Who can be cancelled anywhere can be there, as in libc's own wait: he leaves without the lock. That
//! he waits for it stays noted, and whom he was woken in the place of is woken.
//!
//! ld.so has functions of its own for its locks that are no mutexes, some of which libc takes, too. Nobody parks
//! for those: it would not wake him.

use core::ops::Range;
use core::sync::atomic::{AtomicU32, Ordering};

use crate::glibc::loader;
use crate::sched::{park, wake};
use crate::signal::{cancel, mask};
use crate::sys::clock::NEVER;
use crate::sys::futex;
use crate::sys::in_child::{in_child, restore};
use crate::task::word::Cancellation;
use crate::task::{Thread, green};

const WAITED_FOR: u32 = 2;

/// So many wait in the kernel, for any of the locks.
static IN_KERNEL: AtomicU32 = AtomicU32::new(0);

in_child!(reset);

/// In a forked child nobody waits.
unsafe fn reset() {
    restore(&IN_KERNEL, 0);
}

fn is_the_loaders(word: &AtomicU32) -> bool {
    let Range { start, end } = loader::range();
    // Where it is not known any lock may be one.
    start == end || (start..end).contains(&word.as_ptr().addr())
}

fn holds_the_loaders(me: &Thread) -> bool {
    loader::holds_lock(me.tcb().id().load(Ordering::Relaxed))
}

/// Takes the lock, which was found taken. May unwind (cancellation).
pub fn lock(word: &AtomicU32) {
    let parks = green()
        .is_some_and(|me| !is_the_loaders(word) && !mask::is_libcs(me) && !holds_the_loaders(me));
    take(word, || parks);
}

/// [`lock`], of the word of one of the loader's mutexes, which are taken and given back by functions that are patched, as
/// long as there is one libc. From then on nobody parks. Who is parked already is woken all the same: as long as there are
/// such waiters, one of them has been woken and comes here again, or who holds the lock has taken it by a function that is
/// patched, and finds it waited for.
pub fn lock_mutex(word: &AtomicU32) {
    let may_park = green().is_some_and(|me| !mask::is_libcs(me));
    take(word, || may_park && loader::waiters_may_park());
}

fn take(word: &AtomicU32, may_park: impl Fn() -> bool) {
    loop {
        let parks = may_park();
        if !parks {
            // SeqCst, as the exchange below and `wake_next`: who sees the lock waited for sees the
            // waiter counted.
            IN_KERNEL.fetch_add(1, Ordering::SeqCst);
        }
        let is_taken = word.swap(WAITED_FOR, Ordering::SeqCst) == 0;
        if !is_taken && parks {
            await_parked(word, &may_park);
        } else if !is_taken {
            futex::wait(word, WAITED_FOR);
        }
        if !parks {
            IN_KERNEL.fetch_sub(1, Ordering::SeqCst);
        }
        if is_taken {
            return;
        }
    }
}

fn await_parked(word: &AtomicU32, may_park: impl Fn() -> bool) {
    let is_held = || (word.load(Ordering::SeqCst) == WAITED_FOR && may_park()).then_some(0);
    let key = word.as_ptr().addr();
    park::on_address(
        key,
        NEVER,
        Cancellation::Asynchronous,
        is_held,
        || (),
        || (),
    );
    if cancel::is_due_anywhere() {
        wake_next(word);
        cancel::anywhere();
    }
}

/// Wakes those who shall try for the lock, which is free.
pub fn wake_next(word: *const AtomicU32) {
    wake::up_to(word.addr(), 1);
    if IN_KERNEL.load(Ordering::SeqCst) > 0 {
        futex::wake(word.cast(), 1);
    }
}

/// [`wake_next`] where libc may have waited itself.
pub fn wake_any(word: *const AtomicU32) {
    wake::up_to(word.addr(), 1);
    futex::wake(word.cast(), 1);
}
