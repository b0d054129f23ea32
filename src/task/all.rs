//! All husks of the process.

use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

use super::{Kind, Thread, main_thread};
use crate::sys::in_child::{in_child, restore};
use crate::sys::lock_free;

static HUSKS: AtomicPtr<Thread> = AtomicPtr::new(ptr::null_mut());

/// Adds one, for good, and gives it a seat before anybody knows it. The caller is critical.
pub fn add(thread: &'static Thread) {
    thread.sit_down();
    lock_free::push(&HUSKS, thread, &thread.all_next);
}

/// All husks, in use or not.
pub fn all_husks() -> impl Iterator<Item = &'static Thread> {
    // SAFETY: husks are never freed.
    let follow = |link: &AtomicPtr<Thread>| unsafe { link.load(Ordering::Acquire).as_ref() };
    core::iter::successors(follow(&HUSKS), move |thread| follow(&thread.all_next))
}

/// The green thread that the program knows by `id`, if there is one and it has not ended.
pub fn green_by_id(id: i32) -> Option<&'static Thread> {
    main_thread().into_iter().chain(all_husks()).find(|thread| {
        thread.kind() == Kind::Green
            && thread.tid.load(Ordering::Relaxed) == id
            && !thread.life.is_over()
    })
}

/// The green thread that owns the kernel thread `id`, if one does.
pub fn green_by_kernel_thread(id: i32) -> Option<&'static Thread> {
    main_thread().into_iter().chain(all_husks()).find(|thread| {
        thread.kind() == Kind::Green && thread.kernel_thread() == Some(id) && !thread.life.is_over()
    })
}

/// Forgets all: in a forked child they are not used again.
fn reset() {
    restore(&HUSKS, ptr::null_mut());
}

in_child!(reset);
