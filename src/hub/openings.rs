//! How the hub learns that somebody opens or closes a file: by inotify, since epoll tells of what can be
//! read and written only.

use core::ffi::c_char;

use super::{epoll, own, place};
use crate::sys::raw::syscall;

/// Watches are below this.
pub(super) const END: i32 = 1 << 30;

/// What has happened.
pub(super) enum Event {
    /// The file of that watch was opened.
    Opened(i32),
    /// Somebody has closed the file of that watch who could not write to it.
    Closed(i32),
    /// More than the kernel has kept.
    Lost,
}

/// The watch of the file at `path`, which tells of these events, too. Not by two
/// threads at a time.
///
/// # Safety
/// `path` is a C string.
pub(super) unsafe fn watch(path: *const c_char, events: u32) -> Option<i32> {
    if !place::settle_openings(make) {
        return None;
    }
    let watch = own::with(|_, _| {
        // What others wait for is still told.
        let (openings, events) = (own::openings(), events | libc::IN_MASK_ADD);
        // SAFETY: as the caller promises.
        unsafe { syscall!(SYS_inotify_add_watch, openings, path, events) as i32 }
    });
    (1..END).contains(&watch).then_some(watch)
}

/// The end of that.
pub(super) fn unwatch(watch: i32) {
    // SAFETY: numbers are no memory.
    own::with(|_, _| unsafe { syscall!(SYS_inotify_rm_watch, own::openings(), watch) });
}

/// A descriptor that tells of openings, known to the hub; -1 if it cannot be had.
fn make() -> i32 {
    // SAFETY: makes a descriptor.
    let made = unsafe { syscall!(SYS_inotify_init1, libc::IN_NONBLOCK | libc::IN_CLOEXEC) as i32 };
    if made < 0 {
        return -1;
    }
    let events = libc::EPOLLIN | libc::EPOLLET;
    if own::with(|epoll, _| own::add(epoll, made, events, own::OPENINGS)) != 0 {
        // SAFETY: just made.
        unsafe { syscall!(SYS_close, made) };
        return -1;
    }
    epoll::use_from_now_on();
    made
}

/// Calls `each` for everything that has happened since the last call.
pub(super) fn take(mut each: impl FnMut(Event)) {
    /// `struct inotify_event` without a name, in words: watch, mask, cookie, length of the name.
    const WORDS: usize = 4;
    let mut events = [0u32; 64 * WORDS];
    loop {
        let (buffer, size) = (events.as_mut_ptr(), size_of_val(&events));
        let length = own::with(|_, _| {
            // SAFETY: the kernel fills `events`.
            unsafe { syscall!(SYS_read, own::openings(), buffer, size) }
        });
        if length <= 0 {
            return;
        }
        for event in events[..length as usize / size_of::<u32>()].chunks_exact(WORDS) {
            let watch = event[0] as i32;
            each(if event[1] & libc::IN_Q_OVERFLOW != 0 {
                Event::Lost
            } else if event[1] & libc::IN_CLOSE_NOWRITE != 0 {
                Event::Closed(watch)
            } else {
                Event::Opened(watch)
            });
        }
    }
}
