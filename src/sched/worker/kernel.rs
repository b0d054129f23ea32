//! What a worker's kernel thread is to the kernel: its id, its alternate stack, the mutexes that it
//! holds, and its sleep without a slot.

use core::ptr;
use core::sync::atomic::{AtomicU32, Ordering};

use super::Worker;
use crate::glibc::robust;
use crate::sched::idle;
use crate::sys::raw::syscall;
use crate::sys::{clock, futex, pages};
use crate::task::{Thread, alternate_stack, upcalls};

/// The least size of the stack that handlers begin on, in bytes.
const SIGNAL_STACK_SIZE: usize = 64 * 1024;

impl Worker {
    /// The TCB that the kernel thread was born with, as a thread pointer.
    pub fn native(&self) -> usize {
        self.native.get()
    }

    /// The kernel's id of the worker's thread.
    pub fn kernel_id(&self) -> i32 {
        self.kernel_id.load(Ordering::Relaxed) as i32
    }

    /// The CPU time that the worker's kernel thread has used, in nanoseconds; 0 if the
    /// kernel does not tell.
    pub fn cpu_time(&self) -> u64 {
        clock::of_kernel_thread(self.kernel_id())
    }

    /// Gives the calling kernel thread, this worker's, an alternate stack for handlers to
    /// begin on. Without memory they begin on the interrupted stack.
    pub fn install_signal_stack(&self) {
        if self.signal_stack.get().1 != 0 {
            return self.offer_signal_stack();
        }
        let size = SIGNAL_STACK_SIZE
            .max(4 * alternate_stack::smallest_for_certain())
            .next_multiple_of(pages::PAGE);
        if let Some(guard) = pages::reserve(pages::PAGE + size) {
            // SAFETY: fresh memory, never freed; nobody uses its first page.
            unsafe { pages::protect(guard, pages::PAGE) };
            self.signal_stack.set((guard as usize + pages::PAGE, size));
            self.offer_signal_stack();
        }
    }

    /// Tells the kernel of the worker's alternate stack. The caller is its kernel thread.
    pub fn offer_signal_stack(&self) {
        let (base, size) = self.signal_stack.get();
        if size != 0 {
            alternate_stack::offer(base, size);
        }
    }

    /// Whether `address` is on the worker's alternate stack.
    pub fn has_on_signal_stack(&self, address: usize) -> bool {
        let (base, size) = self.signal_stack.get();
        address.wrapping_sub(base) < size
    }

    /// Tells the kernel that the kernel thread, the caller's, has its robust mutexes in the
    /// list at `list`, unless that is 0. It stays when another thread runs: the kernel looks
    /// at the owners.
    pub fn register_robust_list(&self, list: usize) {
        if list != 0 && self.robust_list.replace(list) != list {
            robust::register(list);
        }
    }

    /// Mutexes that a thread leaves for the kernel to release at the end of the kernel
    /// thread, which is the caller's.
    pub fn heirs(&self) -> &robust::List {
        &self.heirs
    }

    /// Whether a thread has left any, and the kernel was told.
    pub(super) fn has_heirs(&self) -> bool {
        self.robust_list.get() == self.heirs.address()
    }

    /// The kernel thread is that of the green thread it runs, for good.
    pub fn set_altered(&self) {
        self.altered.set(true);
    }

    /// From here on the kernel may end the kernel thread, which is the caller's, and with it `thread`,
    /// which owns it. False if that was so before.
    pub(in crate::sched) fn set_mortal(&self, thread: &'static Thread) -> bool {
        if !self.mortal.load(Ordering::Relaxed).is_null() {
            return false;
        }
        if self.alive.get().is_null() {
            // The process's first one: what the kernel would clear belongs to the main thread.
            self.last_word
                .store(self.kernel_id.load(Ordering::Relaxed), Ordering::Relaxed);
            // SAFETY: a word of the worker's, which is never freed.
            unsafe { syscall!(SYS_set_tid_address, self.last_word.as_ptr()) };
        }
        // SeqCst: who is told afterwards finds it.
        self.mortal
            .store(ptr::from_ref(thread).cast_mut(), Ordering::SeqCst);
        true
    }

    /// The end of that: the thread has ended, by itself or with its kernel thread.
    pub(in crate::sched) fn forget_mortal(&self) -> Option<&'static Thread> {
        // SAFETY: null or a thread's block; those of workers' threads stay.
        unsafe { self.mortal.swap(ptr::null_mut(), Ordering::SeqCst).as_ref() }
    }

    /// Of one whose kernel thread may be ended: the word that the kernel clears then.
    pub(in crate::sched) fn mortal_word(&self) -> Option<&AtomicU32> {
        if self.mortal.load(Ordering::SeqCst).is_null() {
            return None;
        }
        // SAFETY: null, or in a TCB on the worker's stack, which stays.
        Some(unsafe { self.alive.get().as_ref() }.unwrap_or(&self.last_word))
    }

    /// Whether the kernel thread is no longer like the others.
    pub fn is_altered(&self) -> bool {
        self.altered.get()
    }

    /// Sleeps until [`wake`](Self::wake). What was written before that is seen.
    pub(in crate::sched) fn sleep(&self) {
        while self.is_asleep() {
            idle::sleep_at(self, &self.asleep);
            // Signals that have turned out not to be ignored any more.
            (upcalls::get().deliver_deferred)();
        }
        self.may_end_again();
    }

    /// Announces a [`sleep`](Self::sleep).
    pub(in crate::sched) fn prepare_sleep(&self) {
        self.asleep.store(1, Ordering::Relaxed);
    }

    /// Whether it sleeps, or is about to.
    pub(in crate::sched) fn is_asleep(&self) -> bool {
        self.asleep.load(Ordering::Acquire) == 1
    }

    /// Has a worker that sleeps set its mask once more; for somebody who waits for that and repeats it.
    pub(in crate::sched) fn rouse(&self) {
        futex::wake(self.asleep.as_ptr(), 1);
    }

    /// Ends a sleep.
    pub(in crate::sched) fn wake(&self) {
        self.asleep.store(0, Ordering::Release);
        futex::wake(self.asleep.as_ptr(), 1);
    }
}
