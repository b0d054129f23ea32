//! Signal masks of green threads.

use core::sync::atomic::Ordering;

use super::{UNBLOCKABLE, Watch, send};
use crate::sched::idle;
use crate::sched::worker::Worker;
use crate::thread::{Critical, Thread, main_thread};

/// The worker that runs `me`, the caller.
fn worker(me: &Thread) -> &'static Worker {
    // SAFETY: what runs on a worker knows it; workers are never freed.
    unsafe { &*me.worker.get() }
}

/// `sigprocmask(2)` for the calling green thread: the mask from before, or
/// `EINVAL`. What becomes unblocked and is pending has been handled on return.
pub fn change(me: &'static Thread, how: i32, set: Option<u64>) -> Result<u64, i32> {
    let before = me.mask.load(Ordering::Relaxed);
    let Some(set) = set else { return Ok(before) };
    let after = match how {
        libc::SIG_BLOCK => before | set,
        libc::SIG_UNBLOCK => before & !set,
        libc::SIG_SETMASK => set,
        _ => return Err(libc::EINVAL),
    };
    install(me, after & !UNBLOCKABLE);
    Ok(before)
}

/// Makes `mask` that of the calling green thread, in the kernel, too.
pub fn install(me: &'static Thread, mask: u64) {
    let _critical = Critical::enter();
    let before = me.mask.swap(mask, Ordering::SeqCst);
    worker(me).mask.sync(mask);
    if before != mask && main_thread::get().is_some_and(|main| main.is(me)) {
        idle::renew_mask(mask);
    }
    // What came in between was meant for a thread that accepted it.
    let stray = me.pending.load(Ordering::Relaxed) & mask & !before;
    if stray != 0 {
        send::put_back(me, stray);
    }
}

/// Makes `mask` that of the calling green thread and returns the one before.
pub fn replace(me: &'static Thread, mask: u64) -> u64 {
    let before = me.mask.load(Ordering::Relaxed);
    install(me, mask & !UNBLOCKABLE);
    before
}

/// Runs `act` under `mask`, if there is one, as `ppoll`, `pselect` and
/// `epoll_pwait` do: `-EINTR` if the change of mask alone lets a handler run.
pub fn during(me: &'static Thread, mask: Option<u64>, act: impl FnOnce(&Watch) -> isize) -> isize {
    let watch = Watch::new(me);
    let Some(mask) = mask else { return act(&watch) };
    let before = replace(me, mask);
    let result = if watch.handled() {
        -(libc::EINTR as isize)
    } else {
        act(&watch)
    };
    install(me, before);
    result
}

/// Notes what the kernel does by itself around a handler.
pub(super) fn note(me: &Thread, mask: u64) {
    me.mask.store(mask, Ordering::Relaxed);
    worker(me).mask.note(mask);
}
