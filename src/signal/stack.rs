//! Alternate signal stacks, as `sigaltstack(2)` and the kernel (kernel/signal.c) treat
//! them, for green threads.
//!
//! The kernel keeps one per kernel thread: on a worker that is the worker's own, always.
//! There a handler that was installed with `SA_ONSTACK` begins, for a few instructions;
//! then its frame moves to the stack that the thread has registered here. So the
//! interrupted stack, which may be exhausted or a coroutine's of a few kilobytes, is not
//! touched, a switch of threads has nothing to tell the kernel, and the handler may wait
//! and go on elsewhere.
//!
//! `rt_sigreturn` goes back to the alternate stack that the frame names: that of the
//! thread while its handler runs, so that the program sees what it expects, and one that
//! the kernel refuses and forgets about afterwards.

use crate::arch::alternate_stack::fault;
use crate::arch::frame::{self, Context, Frame};
use crate::arch::thread::stack_pointer;
use crate::sched::worker::{self, Worker};
use crate::sys::raw::syscall;
use crate::sys::{sigmask, user};
use crate::task::alternate_stack::{AUTODISARM, AltStack, REFUSED, smallest_for_certain};
use crate::task::{Critical, Thread};

/// `sigaltstack(2)` for `me`, the caller: 0 or `-errno`.
///
/// # Safety
/// Either pointer is null, leads nowhere, or may be read or written.
pub unsafe fn change(me: &Thread, new: *const libc::stack_t, old: *mut libc::stack_t) -> isize {
    let before = me.alternate_stack.get();
    if !new.is_null() {
        if !user::is_readable(new) {
            return -(libc::EFAULT as isize);
        }
        // SAFETY: just seen.
        let wanted = unsafe { new.read_unaligned() };
        match before.replaced(&wanted, stack_pointer()) {
            Err(error) => return -(error as isize),
            Ok(stack) if is_too_small(me, stack) => return -(libc::ENOMEM as isize),
            Ok(stack) => me.alternate_stack.set(stack),
        }
    }
    if !old.is_null() {
        if !user::is_writable(old) {
            return -(libc::EFAULT as isize);
        }
        // SAFETY: just seen.
        unsafe { old.write_unaligned(before.report(stack_pointer())) };
    }
    0
}

/// Whether the kernel says so: how much room a frame takes depends on the processor
/// state that the process has asked to use (sigaltstack_size_valid).
fn is_too_small(me: &Thread, stack: AltStack) -> bool {
    if stack.size == 0 || stack.size >= smallest_for_certain() {
        return false;
    }
    // Nothing is handled meanwhile, so the stack that is tried stays unused.
    let _critical = Critical::enter();
    let tried = stack.to_libc();
    // SAFETY: `tried` is live.
    let result = unsafe { syscall!(SYS_sigaltstack, &raw const tried, 0usize) };
    worker::of(me).offer_signal_stack();
    result == -(libc::ENOMEM as isize)
}

/// `me`, the caller, becomes a green thread: takes over what the kernel has.
pub fn adopt(me: &Thread) {
    me.alternate_stack.set(AltStack::of_kernel_thread());
}

/// `me`, the caller, becomes a plain kernel thread: gives back what [`adopt`] has taken.
/// Its handlers, if some run, do the same when they return.
pub fn hand_back(me: &Thread) {
    let worker = worker::of(me);
    // On that very stack it is left to the handler's return.
    if !worker.has_on_signal_stack(stack_pointer()) {
        let stack = me.alternate_stack.get().to_libc();
        // SAFETY: `stack` is live; the memory is the program's affair.
        unsafe { syscall!(SYS_sigaltstack, &raw const stack, 0usize) };
    }
}

/// Where a handler with these flags is to run on `me`, the caller, to which the kernel
/// has given `frame`: there, if not here.
pub fn place(me: &'static Thread, flags: i32, frame: &mut Frame) -> *mut Frame {
    let here: *mut Frame = frame;
    if !me.is_green() {
        return here;
    }
    let worker = worker::of(me);
    if !worker.has_on_signal_stack(here as usize) {
        if flags & libc::SA_ONSTACK != 0 {
            reclaim(me, worker);
        }
        return here;
    }
    let interrupted = frame.context.stack_pointer();
    if worker.has_on_signal_stack(interrupted) {
        me.pin();
        return here;
    }
    let own = me.alternate_stack.get();
    let enters = flags & libc::SA_ONSTACK != 0 && own.size != 0 && !own.is_in_use(interrupted);
    if !enters && own.size == 0 && !own.is_told && !me.has_on_stack(interrupted) {
        // A coroutine of a thread that has not told us of any alternate stack. A runtime
        // that makes system calls of its own may have asked the kernel for one, and found
        // the worker's: that it is, then, and the thread stays with its kernel thread.
        me.pin();
        return here;
    }
    let top = if enters {
        own.base + own.size
    } else {
        frame::below(interrupted)
    };
    let places = frame::place(frame, top);
    if (enters || own.is_in_use(interrupted)) && !own.holds(places.0) {
        die();
    }
    // SAFETY: free by the rules that the kernel goes by.
    unsafe { frame::copy(frame, places) }
}

/// The kernel has an alternate stack that is not the worker's: set by a system call of
/// the program's own, or by the return from a handler that had begun before there were
/// green threads. It is taken for the thread's, if it is not known to be the main one's.
#[cold]
fn reclaim(me: &Thread, worker: &Worker) {
    let found = AltStack::of_kernel_thread();
    let mains = crate::task::main_thread().map(|main| main.alternate_stack.get());
    if found.size != 0 && mains.is_none_or(|mains| mains.base != found.base) {
        me.alternate_stack.set(found);
    }
    worker.offer_signal_stack();
}

/// The handler does not fit on its stack: the process ends as the kernel ends it.
#[cold]
fn die() -> ! {
    // All signals are blocked, so that this is deadly.
    fault()
}

/// Lets a handler of `me`, which is about to run, see the thread's own stack, which its
/// run may disarm (signal_delivered).
pub fn enter(me: &Thread, context: &mut Context) {
    let own = me.alternate_stack.get();
    context.stack = own.to_libc();
    if own.flags & AUTODISARM != 0 {
        me.alternate_stack.set(AltStack::DISARMED);
    }
}

/// Does what rt_sigreturn would for `me`, whose handler has run on `stack_pointer`, and
/// keeps that from doing it.
pub fn leave(me: &Thread, context: &mut Context, stack_pointer: usize) {
    let own = me.alternate_stack.get();
    // Errors are ignored (restore_altstack).
    if let Ok(stack) = own.replaced(&context.stack, stack_pointer) {
        // That is no news from the program.
        me.alternate_stack.set(AltStack {
            is_told: own.is_told,
            ..stack
        });
    }
    context.stack.ss_flags = REFUSED;
}

/// The handler that has [pinned](Thread::pin) `me`, if one has, is at its end.
pub fn unpin(me: &Thread, context: &Context) {
    if me.is_pinned() && !worker::of(me).has_on_signal_stack(context.stack_pointer()) {
        // Nobody begins on the worker's stack before rt_sigreturn has left it, and that
        // sets the mask.
        sigmask::set(!0);
        me.unpin();
    }
}

/// The same, if the jump that `me` is about to make, to where the stack pointer was
/// `target`, leaves it for good.
pub fn jump(me: &Thread, target: usize) {
    if me.is_pinned() && !worker::of(me).has_on_signal_stack(target) {
        me.unpin();
    }
}

/// Whether `me`, the caller, is on an alternate stack that the kernel does not know of.
pub fn is_in_use(me: &Thread) -> bool {
    me.is_green() && me.alternate_stack.get().is_in_use(stack_pointer())
}
