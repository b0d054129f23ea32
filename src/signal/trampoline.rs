//! What stands in the place of the program's handlers.
//!
//! ```text
//!   the kernel ──▶ green_signal_trampoline     on the worker's alternate stack, or on
//!                    │                         the interrupted one; all signals blocked
//!                    ├─▶ delivery::decide      who runs which handler, and where
//!                    │      └─ nobody here ──▶ return: rt_sigreturn
//!                    ▼
//!                  rsp := the frame, which may have moved
//!                    └─▶ run ──▶ the handler ──▶ return: rt_sigreturn, from that frame
//! ```
//!
//! While a thread is interrupted its mask is the kernel's and in its block
//! ([`Thread::mask`](crate::task::Thread)), and both must agree again when it goes on.
//! Between the end of a handler, when the block already has what `rt_sigreturn` is about
//! to restore, and that call another signal may come: its handler finds the kernel's mask
//! of that moment to return to, and leaves the one in the block alone.

use core::ffi::c_void;
use core::mem;

use super::actions::Action;
use super::delivery::{self, Start};
use super::{cancel, catch_up, mask, stack};
use crate::arch::frame::{Context, Frame};
use crate::arch::trampoline::signal_trampoline;
use crate::glibc::signals::UNBLOCKABLE;
use crate::sched::blocking;
use crate::sys::sigmask;
use crate::task::{Thread, current};

signal_trampoline!(delivery::decide, run);

const _: () = assert!(mem::offset_of!(Start, frame) == 0);
const _: () = assert!(mem::offset_of!(Start, handler) == 8);
const _: () = assert!(mem::offset_of!(Start, flags) == 16);
const _: () = assert!(mem::offset_of!(Start, mask) == 24);
const _: () = assert!(size_of::<Start>() <= 40);

/// The masks of a thread around a handler.
struct Masks {
    /// What the thread goes back to.
    recorded: u64,
    /// What the kernel goes back to, unless the handler has it otherwise.
    shown: u64,
}

impl Masks {
    /// Before the handler: blocks what is to be blocked while it runs.
    fn enter(
        me: &'static Thread,
        signal: i32,
        action: &Action,
        context: &mut Context,
        suspended: Option<u64>,
    ) -> Self {
        let withheld = me.mask.withholds();
        if withheld {
            // At the very end of a critical section.
            context.mask &= !me.mask.release() | me.mask.get();
        }
        // A call that the kernel has changed the mask for has the one from before in its frame.
        let in_force = match suspended {
            Some(_) => me.mask.get(),
            None => context.mask,
        };
        let during = action.mask_during(signal, in_force);
        let mut masks = Self {
            recorded: context.mask,
            shown: context.mask,
        };
        if me.is_green() {
            masks.recorded = me.mask.get();
            if let Some(outer) = suspended {
                // The call that is interrupted has changed the mask for its own length.
                context.mask = outer;
                masks = Self {
                    recorded: outer,
                    shown: outer,
                };
            }
            mask::enter_handler(me, during);
        }
        sigmask::set(during);
        if withheld {
            catch_up::catch_up(me);
        }
        masks
    }

    /// After it: notes what rt_sigreturn is about to restore.
    fn leave(self, me: &'static Thread, context: &Context) {
        let mask = if context.mask == self.shown {
            self.recorded
        } else {
            context.mask & !UNBLOCKABLE
        };
        mask::leave_handler(me, mask);
    }
}

/// Runs a handler of the program on the calling thread and the frame that it returns to.
/// It may be left by a jump or by unwinding.
unsafe extern "C-unwind" fn run(
    signal: i32,
    frame: *mut Frame,
    handler: usize,
    flags: usize,
    mask: u64,
) {
    let action = Action {
        handler,
        flags: flags as i32,
        mask,
    };
    let me = current();
    let top = frame as usize;
    // SAFETY: where the trampoline has made its stack begin.
    let frame = unsafe { &mut *frame };
    me.handled.set(me.handled.get().wrapping_add(1));
    if action.flags & libc::SA_RESTART == 0 {
        me.not_restarting
            .set(me.not_restarting.get().wrapping_add(1));
    }
    if me.is_green() {
        stack::enter(me, &mut frame.context);
        blocking::enter_handler(me);
    }
    let was_green = me.is_green();
    let suspended = me.suspended_mask.take();
    let is_without_points = cancel::enter_handler(me);
    let masks = Masks::enter(me, signal, &action, &mut frame.context, suspended);
    call(&action, signal, frame);
    cancel::leave_handler(me, is_without_points);
    if !was_green && !me.is_green() {
        // The call may only have been about to begin.
        me.suspended_mask.set(suspended);
    }
    // The process may have forked, or begun to have threads.
    if me.is_green() {
        stack::leave(me, &mut frame.context, top);
        masks.leave(me, &frame.context);
        // What has come meanwhile, and waited for just that, follows.
        if me.deliverable() != 0 {
            catch_up::catch_up(me);
        }
        stack::unpin(me, &frame.context);
    }
}

fn call(action: &Action, signal: i32, frame: &mut Frame) {
    // SAFETY: the program has installed a function of this type, or of one with fewer
    // arguments, which ignores the others: the kernel, too, passes all three.
    unsafe {
        let handler: unsafe extern "C-unwind" fn(i32, *mut libc::siginfo_t, *mut c_void) =
            mem::transmute(action.handler);
        handler(signal, &raw mut frame.info, (&raw mut frame.context).cast());
    }
}
