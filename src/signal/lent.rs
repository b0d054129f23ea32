//! What waits for a thread alone, lent to its kernel thread.
//!
//! It waits in the thread's [block](crate::task::pending), of which the kernel knows nothing. For calls that
//! go by what the kernel has it is told as well, for as long as they take: the block keeps what it has, the
//! kernel thread gets copies, and blocks them as the thread does.

use super::info::{self, To};
use super::{send, wait};
use crate::sys::raw::syscall;
use crate::sys::sigmask::{HIGHEST, bit};
use crate::task::Thread;
use crate::task::pending::Pending;

/// The copies: how many of each signal there are.
pub struct Lent([u32; HIGHEST as usize + 1]);

/// What waits for `me`, the caller, and is blocked. (A hint: the truth is in the entries.)
pub fn lendable(me: &Thread) -> u64 {
    // SeqCst: what was sent before.
    me.pending.bits_now() & me.mask.get()
}

fn each(signals: u64) -> impl Iterator<Item = i32> {
    (1..=HIGHEST).filter(move |signal| signals & bit(*signal) != 0)
}

impl Lent {
    /// Lends those of `signals` that wait for `me` alone, the caller, who blocks them and is critical.
    pub fn new(me: &Thread, signals: u64) -> Self {
        clear(me, signals);
        let mut lent = Self([0; HIGHEST as usize + 1]);
        me.pending.each_own(signals, |signal, came_with| {
            if send_to_own_kernel_thread(signal, came_with) == 0 {
                lent.0[signal as usize] += 1;
            }
        });
        lent
    }

    /// Takes the copies back from the kernel. Of each signal, `read` says how many it has given to the
    /// program: those do not wait for `me`, the caller, any more.
    pub fn take_back(self, me: &Thread, read: impl Fn(i32) -> u32) {
        for signal in (1..=HIGHEST).filter(|signal| self.0[*signal as usize] > 0) {
            let lent = self.0[signal as usize];
            // What waits for the thread goes before what waits for the process (signal(7)).
            let gone = read(signal).min(lent);
            for _ in 0..gone {
                me.pending.take(bit(signal));
            }
            for _ in gone..lent {
                wait::poll(signal);
            }
        }
        send::taken_out(me);
    }
}

/// Leaves none of `signals` with the kernel thread of `me`, the caller: nudges that nobody has taken are not to
/// be seen. What is the process's stays that, in its order.
pub fn clear(me: &Thread, signals: u64) {
    give_back(me, signals, signals);
}

/// [`send::give_back`] for those of `signals` that were sent to the process and wait for `me`, the caller, before
/// what the kernel has of those that are `later`, too.
pub fn give_back(me: &Thread, signals: u64, later: u64) {
    let shared = Pending::new();
    for signal in each(later) {
        while let Some(came_with) = wait::poll(signal) {
            shared.add(signal, &came_with, true);
        }
    }
    me.pending.take_shared(signals, send::give_back);
    shared.take_shared(!0, send::give_back);
}

/// The result of the system call that sends it.
fn send_to_own_kernel_thread(signal: i32, came_with: &libc::siginfo_t) -> isize {
    // SAFETY: plain arguments.
    unsafe {
        let own = syscall!(SYS_gettid);
        if came_with.si_code == libc::SI_TKILL {
            // The kernel says the same, and would not believe most threads.
            syscall!(SYS_tgkill, syscall!(SYS_getpid), own, signal)
        } else {
            info::send(To::KernelThread(own as i32), signal, came_with)
        }
    }
}
