//! What the hub does with an entry whose number it has an event of.

use core::sync::atomic::Ordering;

use super::{Descriptor, Direction, ENDING, Link, get};
use crate::arch::prefetch;
use crate::wait::woken::Woken;

/// The token's entry will be needed.
#[inline(always)]
pub(in crate::hub) fn fetch_entry(token: u64) {
    if let Some(entry) = get(token as u32 as i32) {
        prefetch::fetch(entry, size_of::<Descriptor>());
    }
}

/// What an event of the token will need of a waiter's stack.
#[inline(always)]
pub(in crate::hub) fn fetch_waiter(token: u64) {
    if let Some(entry) = get(token as u32 as i32) {
        let link = entry.edges.first(Direction::Read);
        if !link.is_null() {
            prefetch::fetch(link, size_of::<Link>());
        }
    }
}

/// Something has happened that epoll does not tell of: whoever waits to read from `fd` looks.
pub(in crate::hub) fn tell(fd: i32, woken: &mut Woken) {
    if let Some(entry) = get(fd) {
        let generation = entry.generation();
        entry
            .edges
            .event(generation, [true, false], true, woken, || ());
    }
}

/// Takes an event from the hub and claims those whom it concerns.
pub(in crate::hub) fn event(token: u64, events: u32, woken: &mut Woken) {
    let Some(entry) = get(token as u32 as i32) else {
        return;
    };
    let has = |bits: i32| events & bits as u32 != 0;
    let over = has(libc::EPOLLHUP | libc::EPOLLERR);
    let read = has(libc::EPOLLIN | libc::EPOLLRDHUP | libc::EPOLLPRI);
    let directions = [over || read, over || has(libc::EPOLLOUT)];
    let generation = (token >> 32) as u32;
    entry.edges.event(generation, directions, over, woken, || {
        if over || has(libc::EPOLLRDHUP | libc::EPOLLPRI) {
            entry.flags.fetch_or(ENDING, Ordering::Relaxed);
        }
    });
}
