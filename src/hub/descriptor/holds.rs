//! Who keeps a number from being closed, and until when: to the end of a system call, or until a
//! handler that has interrupted that leaves it for good; or until one that waits has found its file.

use core::ptr;
use core::sync::atomic::Ordering;

use super::Descriptor;
use crate::arch::thread::stack_pointer;
use crate::sys::task_state;
use crate::task::{Critical, Thread};

impl Descriptor {
    /// Runs `act`, a system call of `me`, the caller, that does not block, with the number kept from being
    /// closed, if it still has the life `generation`; else `None`. A handler may leave it.
    #[inline]
    pub fn held<R>(
        &'static self,
        me: &Thread,
        generation: u32,
        act: impl FnOnce() -> R,
    ) -> Option<R> {
        let this = ptr::from_ref(self).cast();
        let frame = stack_pointer();
        let is_noted = {
            // A handler finds the hold noted or does not find it.
            let _critical = Critical::enter();
            if !self.edges.hold(generation) {
                return None;
            }
            me.holds.note(this, frame)
        };
        let result = act();
        let _critical = Critical::enter();
        // One that has jumped about, or forked, has let go already.
        if !is_noted || me.holds.forget(this, frame) {
            self.edges.let_go();
        }
        Some(result)
    }

    /// Runs `act`, a system call that may wait, with the number kept from being closed until the kernel has found the
    /// file, if it still has the life `generation`; else `None`. The kernel thread is the caller's meanwhile. (Of
    /// several who begin at the same moment the last one alone is waited for.)
    pub fn entered<R>(&self, generation: u32, act: impl FnOnce() -> R) -> Option<R> {
        let own = task_state::own_id();
        {
            let _critical = Critical::enter();
            if !self.edges.hold(generation) {
                return None;
            }
            self.entering.store(own, Ordering::SeqCst);
            self.edges.let_go();
        }
        let result = act();
        let _ = (self.entering).compare_exchange(own, 0, Ordering::Relaxed, Ordering::Relaxed);
        Some(result)
    }

    /// Whether another thread is in [`entered`](Self::entered) and may not have found the file: who sleeps has.
    #[inline(always)]
    pub(super) fn is_entered(&self) -> bool {
        match self.entering.load(Ordering::SeqCst) {
            0 => false,
            id => id != task_state::own_id() && !task_state::is_asleep(id),
        }
    }

    /// Nobody is waited for who may have left it by a jump.
    pub(super) fn forget_entering(&self) {
        self.entering.store(0, Ordering::Relaxed);
    }
}

/// Lets go of what `thread` holds where that is `over` by an address in the frame of the call.
fn let_go(thread: &Thread, over: impl Fn(usize) -> bool) {
    thread.holds.take(over, |held| {
        // SAFETY: from `held`: entries stay.
        unsafe { (*held.cast::<Descriptor>()).edges.let_go() };
    });
}

/// `me`, the caller, jumps to where the stack pointer was `target`: it never comes back to calls in
/// deeper frames.
#[cold]
pub fn jump(me: &Thread, target: usize) {
    let _critical = Critical::enter();
    let_go(me, |frame| {
        // Of a call on another stack it is not known: to let go of that one too early means at
        // worst that a close does not wait for it.
        !me.has_on_stack(frame) || me.has_on_stack(target) && frame < target
    });
}

/// `thread` has ended, wherever it was.
pub fn end(thread: &Thread) {
    let_go(thread, |_| true);
}
