//! The hub: one epoll descriptor per process, the timers, and the table of
//! descriptors.

pub mod class;
pub mod descriptor;
pub mod epoll;
pub mod place;
pub mod signals;

use epoll::Events;

use crate::wait::woken::Woken;

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
}
