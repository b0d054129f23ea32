//! Beginnings and ends of a number's lives, with what is known of the file.

use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;

use super::edges::{Next, is_uncertain};
use super::{Descriptor, KNOWN, Moment};
use crate::hub::class::Class;
use crate::hub::epoll;
use crate::sys::clock::{self, Instant, MILLISECOND};
use crate::sys::futex;
use crate::sys::raw::syscall;
use crate::wait::woken::Woken;

/// How often who ends a life gives way to holders before he sleeps in between.
const YIELDS: u32 = 100;
/// How long he sleeps at a time.
const NAP: Duration = Duration::from_micros(50);
/// How long he waits at most: who holds the number may have lost the CPU to others, for several of their time slices.
const PATIENCE: Instant = 100 * MILLISECOND;

impl Descriptor {
    /// The number has just been made by a hooked call, after `since`: a new life begins.
    /// False if the one before has not ended, or who ends it has not come to say so.
    pub fn begin(&self, since: Moment) -> bool {
        let stale =
            self.registered.load(Ordering::Relaxed) | u32::from(self.flags.load(Ordering::Relaxed));
        let fresh = stale == 0
            && self.class.load(Ordering::Relaxed) == Class::Unknown as u8
            && !is_uncertain(self.edges.generation());
        if fresh {
            self.flags.store(KNOWN, Ordering::Relaxed);
            // Somebody may have looked while there was no file.
            self.status_changed();
            self.private_since(since);
        }
        fresh
    }

    /// Waits for those who hold the number, or enter the kernel with it. Only a thread that has lost the CPU takes
    /// longer than a moment, and a call that blocks against expectation (another process was faster); that one has
    /// its file already.
    pub fn await_holders(&self) {
        if self.is_held() {
            self.await_let_go();
        }
    }

    fn is_held(&self) -> bool {
        self.edges.is_held() || self.is_entered()
    }

    #[cold]
    fn await_let_go(&self) {
        for _ in 0..YIELDS {
            // SAFETY: no arguments.
            unsafe { syscall!(SYS_sched_yield) };
            if !self.is_held() {
                return;
            }
        }
        // The kernel runs the holder where it was, not where somebody gives way.
        let (never, deadline) = (AtomicU32::new(0), clock::after(PATIENCE));
        while self.is_held() && clock::now() < deadline {
            futex::wait_for(&never, 0, NAP);
        }
        self.forget_entering();
    }

    /// Ends the number's current life: whoever waits on it learns so. Called
    /// before the descriptor is closed or, to go on with `next`, replaced, and again when
    /// that is done. The name of the life that follows.
    ///
    /// The caller is critical until the threads in `woken` run, and calls
    /// [`await_holders`](Self::await_holders) after that.
    pub fn end(&self, fd: i32, next: Next, woken: &mut Woken) -> u32 {
        self.end_that(|_| true, fd, next, woken)
    }

    /// The number was closed: ends the life `between` that has followed the file's meanwhile, if it still
    /// lasts. Who waits, and has met the file before it was closed, learns so.
    pub fn settle(&self, fd: i32, between: u32, woken: &mut Woken) {
        if self.edges.generation() == between {
            self.end_that(|now| now == between, fd, Next::Unknown, woken);
        }
    }

    fn end_that(
        &self,
        is_meant: impl FnOnce(u32) -> bool,
        fd: i32,
        next: Next,
        woken: &mut Woken,
    ) -> u32 {
        self.edges.end(is_meant, next, woken, || {
            let flags = if next == Next::Shared { KNOWN } else { 0 };
            self.flags.store(flags, Ordering::Relaxed);
            if self.registered.swap(0, Ordering::Relaxed) == epoll::epoch() && !self.is_private() {
                // The kernel drops a registration with the last reference to the
                // file, and others may hold references.
                epoll::unregister(fd);
            }
            self.share();
            self.class.store(Class::Unknown as u8, Ordering::Relaxed);
            self.status_changed();
        })
    }
}
