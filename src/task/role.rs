//! What a thread is to the scheduler: whether it parks, and what ties it to its kernel thread.

use core::cell::Cell;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, Ordering};

use super::Thread;
use crate::glibc::loader;

/// What stands behind a thread pointer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Kind {
    /// A kernel thread that libgreen does not schedule: one that it did not
    /// make, one that asked for what only a kernel thread has, or any thread
    /// of a process that never made a second one. All zeros, so that this is
    /// what a fresh TLS block says.
    Foreign = 0,
    /// A green thread.
    Green,
    /// A worker's own context, on which it looks for work.
    Base,
}

/// What ties a green thread to its kernel thread.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
enum Bond {
    /// Nothing: it parks by giving its worker to another.
    None = 0,
    /// A handler that runs on the worker's alternate stack.
    Pinned,
    /// The kernel knows it by its kernel thread for a while, see [`crate::sched::tie`].
    Tied,
    /// It was in the midst of loading something when it last waited, see [`Thread::heed_loader`].
    Loads,
    /// It owns its kernel thread for good.
    Wired,
    /// A child that shares the process's memory runs on it.
    Lent,
}

/// A thread's state before it was lent.
#[repr(C)]
pub struct Lent {
    depth: u32,
    bond: u8,
}

/// What a thread is. All zeros in a fresh TLS block, and in the block's first cache line: hooks
/// ask for it first.
#[repr(C)]
pub(super) struct Role {
    /// A [`Kind`].
    kind: AtomicU8,
    /// A [`Bond`].
    bond: AtomicU8,
    /// Set when descriptor numbers mean other files to the thread than to the
    /// process.
    apart: Cell<bool>,
    /// Set when the thread's kernel thread has what the threads that it creates inherit,
    /// see [`crate::sched::kernel_state`].
    distinct: AtomicBool,
    /// The id of the kernel thread that a wired thread owns; 0 for all others.
    kernel_thread: AtomicI32,
}

impl Role {
    /// From here on the thread is of that kind, and nothing binds it to its kernel thread.
    pub(super) fn begin(&self, kind: Kind) {
        self.bond.store(Bond::None as u8, Ordering::Relaxed);
        self.apart.set(false);
        self.distinct.store(false, Ordering::Relaxed);
        self.kernel_thread.store(0, Ordering::Relaxed);
        self.kind.store(kind as u8, Ordering::Relaxed);
    }
}

impl Thread {
    /// What the thread is.
    #[inline(always)]
    pub fn kind(&self) -> Kind {
        match self.role.kind.load(Ordering::Relaxed) {
            0 => Kind::Foreign,
            1 => Kind::Green,
            _ => Kind::Base,
        }
    }

    /// Whether the thread parks by giving its worker to another; the others
    /// block their kernel thread.
    #[inline(always)]
    pub fn parks(&self) -> bool {
        self.role.kind.load(Ordering::Relaxed) == Kind::Green as u8 && self.is_free()
    }

    /// Whether nothing binds the thread to its kernel thread.
    #[inline(always)]
    fn is_free(&self) -> bool {
        match self.role.bond.load(Ordering::Relaxed) {
            bond if bond == Bond::None as u8 => true,
            bond if bond == Bond::Loads as u8 => self.has_loaded(),
            _ => false,
        }
    }

    /// Of one that was in the midst of loading something.
    #[cold]
    fn has_loaded(&self) -> bool {
        !self.bars_creation() && !self.has_ties()
    }

    #[inline(always)]
    fn bars_creation(&self) -> bool {
        loader::bars_creation(self.tcb().id().load(Ordering::Relaxed))
    }

    /// The calling thread is about to wait. If it loads something, and waits for a lock of the program's allocator, it
    /// does so on its kernel thread: others who want to load something block theirs until it has done, and for a
    /// further one libc needs the lock that it holds.
    #[inline(always)]
    pub(super) fn heed_loader(&self) {
        let bond = self.role.bond.load(Ordering::Relaxed);
        if bond == Bond::None as u8 {
            if self.bars_creation() && self.kind() == Kind::Green {
                self.role.bond.store(Bond::Loads as u8, Ordering::Relaxed);
            }
        } else if bond == Bond::Loads as u8 && !self.bars_creation() {
            self.unbind();
        }
    }

    fn unbind(&self) {
        let bond = if self.has_ties() {
            Bond::Tied
        } else {
            Bond::None
        };
        self.role.bond.store(bond as u8, Ordering::Relaxed);
    }

    /// Whether the caller, whose thread this is, may leave the CPU to others and come back when a kernel thread has
    /// time for it.
    #[inline(always)]
    pub(crate) fn may_queue(&self) -> bool {
        !self.bars_creation()
    }

    /// From here on the thread owns its kernel thread, which has that id, and blocks it
    /// instead of parking.
    pub(crate) fn set_wired(&self, kernel_thread: i32) {
        self.role.bond.store(Bond::Wired as u8, Ordering::Relaxed);
        self.role
            .kernel_thread
            .store(kernel_thread, Ordering::Release);
    }

    /// Whether it does.
    #[inline(always)]
    pub(crate) fn is_wired(&self) -> bool {
        self.role.bond.load(Ordering::Relaxed) == Bond::Wired as u8
    }

    /// The id of the kernel thread that the thread owns, if it does. For everybody.
    pub(crate) fn kernel_thread(&self) -> Option<i32> {
        match self.role.kernel_thread.load(Ordering::Acquire) {
            0 => None,
            id => Some(id),
        }
    }

    /// Whether there is a reason for the thread to be tied, if it is green.
    pub(crate) fn has_ties(&self) -> bool {
        self.ties.get() > 0 || self.loads.get() > 0
    }

    /// There is none any longer: true if there was.
    pub(crate) fn forget_ties(&self) -> bool {
        let had_ties = self.has_ties();
        self.ties.set(0);
        self.loads.set(0);
        had_ties
    }

    /// The thread, which parks, blocks its kernel thread instead until [`untie`](Self::untie).
    pub(crate) fn set_tied(&self) {
        self.role.bond.store(Bond::Tied as u8, Ordering::Relaxed);
    }

    /// The end of [`set_tied`](Self::set_tied); false if something else binds the thread.
    pub(crate) fn untie(&self) -> bool {
        let is_tied = self.role.bond.load(Ordering::Relaxed) == Bond::Tied as u8;
        if is_tied {
            self.role.bond.store(Bond::None as u8, Ordering::Relaxed);
        }
        is_tied
    }

    /// A handler begins to run on the worker's alternate stack: until [`unpin`](Self::unpin)
    /// the thread blocks its kernel thread instead of parking.
    pub(crate) fn pin(&self) {
        if self.is_free() {
            self.role.bond.store(Bond::Pinned as u8, Ordering::Relaxed);
        }
    }

    /// The handler is at its end.
    pub(crate) fn unpin(&self) {
        if self.is_pinned() {
            self.unbind();
        }
    }

    /// Whether a handler runs on the worker's alternate stack.
    #[inline(always)]
    pub(crate) fn is_pinned(&self) -> bool {
        self.role.bond.load(Ordering::Relaxed) == Bond::Pinned as u8
    }

    /// From here on the kernel thread, which is the thread's own, has descriptors of its
    /// own.
    pub(crate) fn set_apart(&self) {
        self.role.apart.set(true);
    }

    /// Whether the caller, whose thread this is, has descriptors of its own: what it does
    /// to a number is nobody else's affair.
    #[inline(always)]
    pub(crate) fn is_apart(&self) -> bool {
        self.role.apart.get() || self.is_lent()
    }

    /// From here on the kernel thread, which is the thread's own, has what the threads that
    /// it creates inherit.
    pub(crate) fn set_distinct(&self) {
        self.role.distinct.store(true, Ordering::Relaxed);
    }

    /// Whether the threads that the caller creates must be its kernel thread's children.
    pub(crate) fn is_distinct(&self) -> bool {
        self.role.distinct.load(Ordering::Relaxed)
    }

    /// Lends the thread, which is critical, to a child, see [`crate::sched::lend`]: what to
    /// [take back](Self::take_back).
    pub(crate) fn lend(&self) -> Lent {
        Lent {
            depth: self.critical.get(),
            bond: self.role.bond.swap(Bond::Lent as u8, Ordering::Relaxed),
        }
    }

    /// The end of what [`lend`](Self::lend) has begun, and of the critical section. What has come for
    /// the thread meanwhile is handled.
    pub(crate) fn take_back(&'static self, before: Lent) {
        self.role.bond.store(before.bond, Ordering::Relaxed);
        // However the child has left it.
        self.set_critical(before.depth);
        self.leave_critical();
    }

    /// Whether the thread is lent to a child.
    #[inline(always)]
    pub(crate) fn is_lent(&self) -> bool {
        self.role.bond.load(Ordering::Relaxed) == Bond::Lent as u8
    }

    /// Whether the caller, whose thread this is, is a green thread, and no child that has
    /// borrowed one.
    #[inline(always)]
    pub(crate) fn is_green(&self) -> bool {
        self.kind() == Kind::Green && !self.is_lent()
    }
}
