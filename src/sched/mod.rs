//! The scheduler: green threads over workers, workers over slots.
//!
//! - [`park`]: leaving the CPU, [`several`]: for several addresses; [`wake`]: making others runnable;
//! - [`switch`]: one context to another;
//! - [`slot`]: the right to run green threads; [`run_queue`]: who waits for it;
//! - [`slots`]: all of them;
//! - [`worker`]: a kernel thread that holds a slot most of the time;
//! - [`mask`]: the signal mask of a worker's kernel thread;
//! - [`kernel_thread`]: starting and ending one;
//! - [`idle`]: slots and workers without work, and who wakes them;
//! - [`blocking`]: stretches that block the kernel thread; [`kernel_state`]: what makes it a
//!   thread's own; [`turns`]: how many may block at once; [`tie`]: what the kernel has to know a thread for;
//!   [`loading`]: who is going to take the loader's locks;
//! - [`children`]: waiting for the process's children; [`deaths`]: kernel threads that the kernel ends;
//!   [`words`]: words that libc's own threads change; [`service`]: the kernel threads for that;
//! - [`lend`]: a thread lent to a child of `vfork`;
//! - [`monitor`]: takes slots away from whoever is stuck; [`requests`]: what else it is asked for, which
//!   rings its [`bell`]; [`limit`]: how many slots there are;
//! - [`tempo`]: how often to look around;
//! - [`statistics`]: what is counted on request; [`summary`]: a line of that at the exit.

mod bell;
pub mod blocking;
pub mod children;
pub mod cpu_time;
pub mod deaths;
pub mod event_loop;
pub mod idle;
pub mod kernel_state;
pub mod kernel_thread;
pub mod lend;
mod limit;
pub mod loading;
pub mod mask;
pub mod monitor;
pub mod park;
mod relief;
pub mod requests;
mod run_queue;
mod service;
pub mod several;
pub mod slot;
pub mod slots;
mod statistics;
pub mod summary;
pub mod switch;
mod tempo;
pub mod tie;
pub mod turns;
pub mod wake;
pub mod words;
pub mod worker;

use core::sync::atomic::{AtomicBool, Ordering};

use crate::hub;
use crate::hub::epoll::Events;
use crate::sys::clock::{self, NEVER};
use crate::task::upcalls;
use crate::wait::DEADLINES;
use crate::wait::woken::Woken;

/// In a forked child [`set_running`] is told so first of all.
static RUNNING: AtomicBool = AtomicBool::new(false);

/// Whether green threads exist, or ever did, in this process.
#[inline(always)]
pub fn is_running() -> bool {
    RUNNING.load(Ordering::Acquire)
}

/// From here on they do, or, in a forked child, do not.
pub fn set_running(running: bool) {
    RUNNING.store(running, Ordering::Release);
}

/// Looks at the hub and at the clock without waiting, and lets everybody run whose time
/// has come. The caller is critical and holds no lock.
pub fn glance() {
    let mut woken = Woken::new();
    let mut events = Events::new();
    events.take(0);
    hub::collect(&events, &mut woken);
    expire(&mut woken);
    wake::all(woken);
    if events.has_signal() {
        (upcalls::get().look_for_signals)();
    }
}

/// Collects those whose deadline has come.
fn expire(woken: &mut Woken) {
    if DEADLINES.earliest() != NEVER {
        DEADLINES.expire(clock::now(), woken);
    }
}
