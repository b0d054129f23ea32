//! One context to another: stack, registers, thread pointer, signal mask.
//!
//! ```text
//!   from's stack                      to's stack
//!   ────────────                      ──────────
//!   to(): successor, after
//!   resume_ontop ──── registers ───▶  arrive(): from.context = …
//!     saved on from's stack             thread pointer := to's
//!                                       signal mask    := to's, if it differs
//!                                       after(from)
//!                                     … to goes on where it left off
//! ```
//!
//! Between the jump and the new thread pointer one thread's stack carries the
//! other's TLS. Both threads are critical then (each switched out inside a
//! critical section), so a signal that lands there is deferred whichever of the
//! two blocks its trampoline looks at.

use core::arch::asm;
use core::ffi::c_void;
use core::mem;
use core::sync::atomic::{AtomicBool, Ordering, fence};

use context::context::{Context, ContextFn, Transfer};

use super::After;
use super::worker::Worker;
use crate::sys::raw::syscall;
use crate::thread::{Kind, Thread, create as threads, exit};

/// Whether `wrfsbase` may be used (`AT_HWCAP2` bit 1, Linux 5.9).
static FSGSBASE: AtomicBool = AtomicBool::new(false);

/// Finds out what the CPU and the kernel allow.
pub fn init() {
    const HWCAP2_FSGSBASE: u64 = 1 << 1;
    // SAFETY: getauxval only reads.
    let capabilities = unsafe { libc::getauxval(libc::AT_HWCAP2) };
    FSGSBASE.store(capabilities & HWCAP2_FSGSBASE != 0, Ordering::Relaxed);
}

/// Makes `pointer` the thread pointer.
///
/// # Safety
/// `pointer` is the TCB of the thread whose stack is in use, or of another as long as
/// nothing else sees it.
#[inline(always)]
pub unsafe fn set_thread_pointer(pointer: usize) {
    if FSGSBASE.load(Ordering::Relaxed) {
        // SAFETY: allowed, see FSGSBASE; the pointer is a TCB.
        unsafe { asm!("wrfsbase {}", in(reg) pointer, options(nostack, preserves_flags)) };
    } else {
        const ARCH_SET_FS: i32 = 0x1002;
        // SAFETY: as above.
        unsafe { syscall!(SYS_arch_prctl, ARCH_SET_FS, pointer) };
    }
}

/// A context that will run `entry` on the stack that ends at `top`.
///
/// # Safety
/// Nothing else uses the stack below `top`, of at least `size` bytes.
pub unsafe fn create(top: usize, size: usize, entry: ContextFn) -> *const c_void {
    // SAFETY: as the caller promises.
    let context = unsafe {
        let stack = context::stack::Stack::new(top as *mut _, (top - size) as *mut _);
        Context::new(&stack, entry)
    };
    // SAFETY: a Context is one pointer (the crate's own tests say so).
    unsafe { mem::transmute(context) }
}

/// Switches from `from`, the caller, to `to`; returns when somebody switches
/// back, maybe on another worker.
#[inline]
pub fn to(from: &'static Thread, to: &'static Thread, worker: &'static Worker, after: After) {
    if to.context.get().is_null() {
        threads::prepare(to);
    }
    from.after.set(after);
    from.successor.set(to);
    to.worker.set(worker);
    worker.set_running(to);
    // SAFETY: `to` was taken out of a queue (or is this worker's base), so it is
    // saved and nobody else resumes it; a Context is one pointer.
    unsafe {
        let context: Context = mem::transmute(to.context.get());
        context.resume_ontop(from as *const Thread as usize, arrive);
    }
}

/// Runs first on the new stack.
extern "C" fn arrive(transfer: Transfer) -> Transfer {
    // SAFETY: `to` passes the thread that it leaves.
    let from = unsafe { &*(transfer.data as *const Thread) };
    // SAFETY: a Context is one pointer.
    from.context
        .set(unsafe { mem::transmute::<Context, *const c_void>(transfer.context) });
    // SAFETY: set by `to`; threads and workers are never freed.
    let (me, worker) = unsafe {
        let me = &*from.successor.get();
        (me, &*me.worker.get())
    };
    // SAFETY: we are on `me`'s stack.
    unsafe { set_thread_pointer(me.pointer.get()) };
    after(from, me, worker);
    // Nobody looks at the transfer again: the contexts live in the threads.
    // SAFETY: a Context is one pointer, and this one is never resumed.
    Transfer::new(
        unsafe { mem::transmute::<*const c_void, Context>(from.context.get()) },
        0,
    )
}

/// What is left to do for `from`, and for `me`, who runs now.
///
/// Never inlined: [`current`](crate::thread::current) is a constant of a thread
/// to the compiler, which could take it from before the change of thread pointer.
#[inline(never)]
fn after(from: &'static Thread, me: &'static Thread, worker: &'static Worker) {
    if me.kind() == Kind::Base {
        worker.mask.enter_base();
    } else if from.kind() == Kind::Base {
        worker.mask.leave_base(me.mask.load(Ordering::Relaxed));
    } else {
        worker.mask.sync(me.mask.load(Ordering::Relaxed));
    }
    match from.after.get() {
        // Whoever sends `me` a signal sees that it runs, or `me` sees the signal; the
        // others do something with that effect anyway.
        After::Nothing => fence(Ordering::SeqCst),
        After::Publish => from.saved(),
        After::Requeue => super::make_runnable(from),
        After::Retire => exit::retired(from),
    }
}
