//! Threads that are going to load something, beside an allocator of the program's own.
//!
//! Who loads waits for the allocator's locks with the loader's, one of which libc takes for each kernel thread that it
//! creates. The thread that has the allocator's lock may be runnable, not running, and then one of the kernel threads
//! that there are has to run it. So that they are not all in the loader, waiting for its locks, nobody goes
//! there but where another one has nothing to do, and nobody does while somebody is seen to load; and nobody
//! keeps a slot there.

use super::{blocking, park};
use crate::glibc::loader;
use crate::sys::clock::{self, Instant, MILLISECOND};
use crate::task::word::Cancellation;
use crate::task::{Thread, green};

/// There is nothing that would tell of the end. Loading takes about as long.
const MOMENT: Instant = MILLISECOND / 5;

/// The calling thread is going to load something.
pub fn before() {
    let Some(me) = green() else { return };
    if !loader::may_bar_creation() {
        return;
    }
    while may_wait(me) && (loader::is_creation_barred() || !blocking::may_block()) {
        if loader::is_creation_barred() {
            park::for_time(me, clock::after(MOMENT), Cancellation::Never);
        } else if !blocking::await_successor() {
            break;
        }
    }
    // Until it next parks.
    if may_wait(me) {
        blocking::enter(me);
    }
}

/// The calling thread is going to create another one, for which it may need the lock that bars that. If who waits for that
/// does not park, it does not cost what [`before`] does where nobody is seen to load: so that may still begin meanwhile.
#[inline]
pub fn before_creation() {
    if loader::is_creation_barred() && !loader::waiters_park() {
        before();
    }
}

/// Whether there is something to wait for: not for who loads already.
fn may_wait(me: &Thread) -> bool {
    me.parks() && !me.is_critical() && me.may_queue()
}
