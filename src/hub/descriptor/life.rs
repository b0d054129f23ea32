//! The lives of a descriptor number.

use core::sync::atomic::Ordering;

use super::super::class::Class;
use super::super::epoll;
use super::{Descriptor, KNOWN, PRIVATE};
use crate::sys::raw::syscall;
use crate::thread::Critical;
use crate::thread::wait::Wake;

/// How often `end` gives way to holders before it goes on.
const HOLDER_PATIENCE: u32 = 1000;

impl Descriptor {
    /// The number has just been made by a hooked call: a new life begins.
    pub fn begin(&self, fd: i32) {
        let stale =
            self.registered.load(Ordering::Relaxed) | u32::from(self.flags.load(Ordering::Relaxed));
        if stale != 0 || self.class.load(Ordering::Relaxed) != Class::Unknown as u8 {
            // The life before ended behind our back.
            self.end(fd);
        }
        self.flags.store(PRIVATE | KNOWN, Ordering::Relaxed);
    }

    /// The file has got another number or another owner.
    pub fn share(&self) {
        self.flags.fetch_and(!PRIVATE, Ordering::Relaxed);
    }

    /// Keeps the number from being closed for the length of a system call that
    /// does not block, if it still has the life `generation`.
    #[inline(always)]
    pub fn hold(&self, generation: u32) -> bool {
        // SeqCst pairs with `end`, which changes the generation and then looks
        // for holders.
        self.held.fetch_add(1, Ordering::SeqCst);
        let same = self.generation.load(Ordering::SeqCst) == generation;
        if !same {
            self.let_go();
        }
        same
    }

    /// The end of what [`hold`](Self::hold) has begun.
    #[inline(always)]
    pub fn let_go(&self) {
        self.held.fetch_sub(1, Ordering::Release);
    }

    /// Waits for those who hold the number. Only a call that blocks against
    /// expectation (another process was faster) takes longer than a moment; that
    /// one has its file already.
    fn await_holders(&self) {
        for _ in 0..HOLDER_PATIENCE {
            if self.held.load(Ordering::SeqCst) == 0 {
                return;
            }
            // SAFETY: no arguments.
            unsafe { syscall!(SYS_sched_yield) };
        }
    }

    /// Ends the number's current life: whoever waits on it learns so. Called
    /// before the descriptor is closed or replaced.
    pub fn end(&self, fd: i32) {
        let _critical = Critical::enter();
        self.lock.lock();
        self.generation.fetch_add(1, Ordering::SeqCst);
        let flags = self.flags.swap(0, Ordering::Relaxed);
        if self.registered.swap(0, Ordering::Relaxed) == epoll::epoch() && flags & PRIVATE == 0 {
            // The kernel drops a registration with the last reference to the
            // file, and others may hold references.
            epoll::unregister(fd);
        }
        self.class.store(Class::Unknown as u8, Ordering::Relaxed);
        self.status_changed();
        for side in &self.sides {
            side.drained.store(0, Ordering::Relaxed);
            side.edges.fetch_add(1, Ordering::Release);
            // SAFETY: under the lock.
            unsafe { side.wake(Wake::Closed, true) };
        }
        self.lock.unlock();
        self.await_holders();
    }
}
