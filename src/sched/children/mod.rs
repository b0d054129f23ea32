//! Waiting for children without a kernel thread for each who waits.
//!
//! The kernel tells of a child's end by a wait that blocks, or at a descriptor of the child
//! (`pidfd_open(2)`). A few threads wait by the former, each in a region: nothing costs less,
//! and nothing says more. The others park:
//!
//! - [`table`]: who waits for the end of which child; [`ends`]: the two kernel threads that
//!   have the children's descriptors, in a table of descriptors of their own, where neither
//!   the program nor its children see them;
//! - [`any`]: one kernel thread that waits, reaping nobody, for all who wait for any child;
//! - [`stops`]: two that wait, likewise, for a child to stop or to go on; [`kind`]: which of the two;
//! - [`alike`]: who waits for the same as somebody else whom the kernel has wait, behind him;
//! - [`tracing`]: a child that is traced stops, which its descriptor does not tell;
//! - [`makers`]: which thread has made a child, and hears of its end by a signal.
//!
//! Who is woken looks for himself, by a wait that does not block; and blocks in the kernel
//! if the kernel has something else to say than was expected.

pub mod alike;
pub mod any;
mod ends;
pub mod kind;
pub mod makers;
pub mod stops;
pub mod table;
pub mod tracing;

use self::table::Child;
use super::service::Service;
use crate::sys::in_child::in_child;

/// A forked child has none.
static ENDS: Service = Service::new();
static ANY: Service = Service::new();

fn reset() {
    ENDS.forget();
    ANY.forget();
}

in_child!(reset);

/// The tables, as memory that is wiped in forked children.
pub fn tables() -> [(*mut u8, usize); 2] {
    [table::memory(), makers::memory()]
}

/// Starts the kernel threads that are wanted. For the monitor.
pub fn start_wanted() {
    ENDS.start_if_wanted(ends::start, ends::refuse);
    ANY.start_if_wanted(any::start, any::refuse);
    stops::start_wanted();
}

/// Whether who waits for a child at a descriptor of the program's is told to look there when the process
/// begins to trace others.
pub fn hears_of_tracing() -> bool {
    ENDS.want()
}

/// The entry of the process's child `pid`, to wait for its end, and for what else `options` of `wait4` ask
/// for; `None` if nobody can tell of that. To be [left](Child::leave).
pub fn watch(pid: i32, options: i32) -> Option<&'static Child> {
    if !ENDS.want() || !stops::watch(options) {
        return None;
    }
    table::watch(pid, options)
}
