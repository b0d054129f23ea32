//! The hub: one epoll descriptor per process, the timers, and the table of
//! descriptors.

pub mod class;
pub mod descriptor;
pub mod epoll;
pub mod eventfd;
pub mod fifos;
mod openings;
pub mod own;
pub mod place;
pub mod signals;

use epoll::Events;

use crate::wait::woken::Woken;

/// Before a fork, in the parent: the hub does not move, the limit on descriptors is the program's,
/// and it is known which of them no child is to have. Followed by [`after_fork`] in both processes,
/// where all signals are still blocked, with what this returns: whether there is a hub.
#[must_use]
pub fn before_fork() -> bool {
    // Without one nothing is written to that a child would copy. Another thread may open one
    // meanwhile.
    let has_hub = own::all().next().is_some();
    if has_hub {
        fifos::lock();
        place::lock();
    }
    has_hub
}

/// See [`before_fork`].
pub fn after_fork(has_hub: bool) {
    if has_hub {
        place::unlock();
        fifos::unlock();
    }
}

/// Claims those whom `events` concern. The caller is critical.
pub fn collect(events: &Events, woken: &mut Woken) {
    // With many connections an entry, its waiter's stack and its block are seldom in
    // the cache: they are fetched side by side instead of one after the other.
    for event in events.iter() {
        descriptor::fetch_entry(event.token);
    }
    for event in events.iter() {
        descriptor::fetch_waiter(event.token);
    }
    for event in events.iter() {
        descriptor::event(event.token, event.events, woken);
    }
    if events.has_opening() {
        fifos::collect(woken);
    }
}
