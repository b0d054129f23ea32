//! Having another thread change what the kernel keeps for its kernel thread.
//!
//! The kernel does not know green threads, so it cannot be asked to change one's CPUs or
//! priority; but the thread itself can. It makes the system call when it next runs and is
//! not inside the runtime, before any code of the program; if it computes, or is in the
//! kernel, it is interrupted. Whoever asks waits for the answer.

use core::ffi::c_long;

use super::send;
use crate::arch::system_call::syscall6;
use crate::sched::kernel_state::{self, Change};
use crate::sched::{park, wake};
use crate::sys::clock::NEVER;
use crate::task::errand::Errand;
use crate::task::word::Cancellation;
use crate::task::{Thread, current};

/// What the system call gets by a pointer: which argument that is, and how many bytes.
pub type Data = Option<(usize, usize)>;

/// Has `thread`, which is green and another one than the caller, make the system call
/// `number` with what `arguments` and `data` say: its result.
///
/// # Safety
/// What `data` says of the arguments is true, and all that the call needs.
pub unsafe fn ask(
    thread: &'static Thread,
    number: c_long,
    arguments: [usize; 6],
    data: Data,
) -> isize {
    let Some(errand) = Errand::new(number, arguments) else {
        return -(libc::ENOMEM as isize);
    };
    if let Some((place, length)) = data {
        // SAFETY: as the caller promises.
        unsafe { errand.take_along(place, length) };
    }
    thread.errands.push(errand);
    thread.pending.announce_errand();
    if thread.pending.is_closed() {
        refuse(thread);
    }
    send::interrupt(thread);
    let result = await_result(errand);
    errand.let_go();
    result
}

/// Handlers may run meanwhile, and the caller's own errands.
fn await_result(errand: &Errand) -> isize {
    loop {
        if let Some(result) = errand.result() {
            return result;
        }
        let missing = || errand.result().is_none().then_some(0);
        let never = Cancellation::Never;
        park::on_address(errand.key(), NEVER, never, missing, || (), || ());
    }
}

fn finish(errand: &'static Errand, result: isize) {
    errand.finish(result);
    wake::up_to(errand.key(), 1);
    errand.let_go();
}

/// Has `thread`, which is green, own its kernel thread from here on: the id of that. `None`: it
/// has ended, or there is no memory.
pub fn wire(thread: &'static Thread) -> Option<i32> {
    if thread.is(current()) {
        kernel_state::before(Change::Own);
    }
    let id = thread.kernel_thread().unwrap_or_else(|| {
        // SAFETY: no arguments.
        unsafe { ask(thread, WIRE, [0; 6], None) as i32 }
    });
    (id > 0).then_some(id)
}

/// Changes nothing, and says which kernel thread it is.
const WIRE: c_long = libc::SYS_gettid;

/// Does what others have asked `me`, the caller, for. It is not inside the runtime.
pub fn run(me: &'static Thread) {
    me.pending.forget_errands();
    me.errands.take(|errand| {
        kernel_state::before(match errand.number {
            WIRE => Change::Own,
            _ => Change::Inherited,
        });
        let [a, b, c, d, e, f] = errand.arguments.get();
        // SAFETY: as whoever has asked promises; pointers lead into the errand.
        let result = unsafe { syscall6(errand.number, a, b, c, d, e, f) };
        finish(errand, result);
    });
}

/// `thread` has ended: nobody does what it was asked for.
pub fn refuse(thread: &Thread) {
    if !thread.errands.is_empty() {
        thread
            .errands
            .take(|errand| finish(errand, -(libc::ESRCH as isize)));
    }
}
