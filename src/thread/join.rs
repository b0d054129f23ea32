//! Who gets a thread's result, and who its husk.

use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicU32, Ordering};

use super::{Thread, cancel, current, husk};
use crate::sync::queue;
use crate::sys::clock::Instant;
use crate::thread::wait::Wake;

/// The bits of [`Thread::life`].
pub struct Life;

impl Life {
    /// Runs, or may be joined.
    pub const JOINABLE: u32 = 0;
    /// Nobody will join; the husk is free when the thread has exited.
    pub const DETACHED: u32 = 1;
    /// The thread has left its stack.
    pub const EXITED: u32 = 2;
    /// Somebody waits for the exit.
    pub const JOINING: u32 = 4;
    /// Nobody's: in the pool of husks.
    pub const FREE: u32 = 8;
}

fn key(life: &AtomicU32) -> usize {
    ptr::from_ref(life) as usize
}

/// Tells the joiner.
#[cold]
pub fn wake_joiner(thread: &Thread) {
    queue::wake_up_to(key(&thread.life), 1);
}

/// Waits for the end of the green `thread` until `deadline`; its result, or an
/// error number of `pthread_join(3)`. A cancellation point.
pub fn join(thread: &'static Thread, deadline: Instant) -> Result<*mut c_void, i32> {
    let me = current();
    claim(me, thread)?;
    loop {
        let life = &thread.life;
        // Acquire pairs with `retired`.
        let running = || life.load(Ordering::Acquire) & Life::EXITED == 0;
        match queue::wait(
            key(life),
            deadline,
            true,
            || running().then_some(0),
            || (),
            || (),
        ) {
            None => return Ok(collect(me, thread)),
            Some(Wake::Timeout) if running() => {
                unclaim(me, thread);
                return Err(libc::ETIMEDOUT);
            }
            Some(Wake::Interrupted) => {
                // A cancelled joiner leaves the thread joinable.
                unclaim(me, thread);
                cancel::point();
                claim(me, thread)?;
            }
            Some(_) => {}
        }
    }
}

/// `pthread_tryjoin_np(3)`.
pub fn try_join(thread: &'static Thread) -> Result<*mut c_void, i32> {
    let me = current();
    // Acquire pairs with `retired`.
    let life = thread.life.load(Ordering::Acquire);
    if life & Life::FREE != 0 {
        return Err(libc::ESRCH);
    }
    if life & Life::EXITED == 0 {
        return Err(libc::EBUSY);
    }
    claim(me, thread)?;
    Ok(collect(me, thread))
}

fn claim(me: &'static Thread, thread: &'static Thread) -> Result<(), i32> {
    if thread.is(me) || ptr::eq(thread.joins.load(Ordering::Relaxed), me) {
        return Err(libc::EDEADLK);
    }
    thread
        .life
        .fetch_update(Ordering::AcqRel, Ordering::Acquire, |life| {
            (life & (Life::DETACHED | Life::JOINING | Life::FREE) == 0)
                .then_some(life | Life::JOINING)
        })
        .map_err(|life| {
            if life & Life::FREE != 0 {
                libc::ESRCH
            } else {
                libc::EINVAL
            }
        })?;
    me.joins
        .store(ptr::from_ref(thread).cast_mut(), Ordering::Relaxed);
    Ok(())
}

fn unclaim(me: &Thread, thread: &Thread) {
    me.joins.store(ptr::null_mut(), Ordering::Relaxed);
    thread.life.fetch_and(!Life::JOINING, Ordering::AcqRel);
}

fn collect(me: &Thread, thread: &'static Thread) -> *mut c_void {
    me.joins.store(ptr::null_mut(), Ordering::Relaxed);
    let result = thread.result.get();
    husk::put(thread);
    result
}

/// `pthread_detach(3)`: 0, `EINVAL` or `ESRCH`.
pub fn detach(thread: &'static Thread) -> i32 {
    let before = thread.life.fetch_or(Life::DETACHED, Ordering::AcqRel);
    if before & Life::FREE != 0 {
        return libc::ESRCH;
    }
    if before & Life::DETACHED != 0 {
        return libc::EINVAL;
    }
    if before & (Life::EXITED | Life::JOINING) == Life::EXITED {
        husk::put(thread);
    }
    0
}
