//! Single steps: a program that has set the trap flag of its processor gets SIGTRAP after each
//! instruction.
//!
//! Inside the runtime it makes none, as it makes none in the kernel: who leaves the CPU would leave the
//! flag to whoever runs there next, and where signals are blocked the kernel ends the process at a
//! step. The first one in a critical section takes the flag back, the end of that sets it again.

use crate::arch::frame::Frame;
use crate::arch::trap_flag;
use crate::task::Thread;

/// What the kernel says of a step (sigaction(2)); the libc crate lacks it for this target.
const TRAP_TRACE: i32 = 2;

/// If that is what has hit `me`, the caller, inside the runtime, there are no more of them until it
/// [goes on](go_on) with them.
pub fn suspend(me: &Thread, signal: i32, frame: &mut Frame) -> bool {
    let is_step = signal == libc::SIGTRAP && frame.info.si_code == TRAP_TRACE;
    let suspended = is_step && frame.context.take_trap_flag();
    if suspended {
        me.pending.note_steps();
    }
    suspended
}

/// Single steps that were suspended.
pub struct Suspended(bool);

/// At the end of the critical section of `me`, the caller: what to [go on](go_on) with.
pub fn take(me: &Thread) -> Suspended {
    Suspended(me.pending.forget_steps())
}

/// From here on the caller makes steps again, if it did: what is left of the runtime's code, too.
pub fn go_on(Suspended(steps): Suspended) {
    if steps {
        trap_flag::set();
    }
}
