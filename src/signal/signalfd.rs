//! signalfd(2): what was sent to a thread alone is there for that thread.
//!
//! The kernel goes by what waits for the process and for the kernel thread that reads, or looks by `poll` and
//! its kin. So that is [lent](super::lent) what waits for the green thread, for the length of a read or look
//! that does not wait. Who waits [expects](expect) what else may come: he is claimed then, as for a signal
//! that he is to handle, and looks again. So he parks: nobody could tell him of one that he blocks while he
//! waits in the kernel.

use core::sync::atomic::{AtomicBool, Ordering};

use libc::{iovec, signalfd_siginfo};

use super::lent::{self, Lent};
use super::send;
use crate::sched::wake;
use crate::sys::open_files;
use crate::sys::sigmask::HIGHEST;
use crate::task::word::Wake;
use crate::task::{Critical, Thread};

/// Whether the program has made one. A forked child keeps them.
static IN_USE: AtomicBool = AtomicBool::new(false);

/// The program makes one.
pub fn made() {
    IN_USE.store(true, Ordering::Relaxed);
}

#[inline(always)]
fn is_in_use() -> bool {
    IN_USE.load(Ordering::Relaxed)
}

/// Calls `wait`, in which `me`, the caller, may wait for a signalfd.
#[inline(always)]
pub fn awaited<R>(me: &Thread, wait: impl FnOnce() -> R) -> R {
    let result = wait();
    if is_in_use() {
        me.expects.store(0, Ordering::SeqCst);
    }
    result
}

/// Whether `me`, the caller, must not wait in the kernel, which would not see what comes for it.
#[inline(always)]
pub fn has_to_park(me: &Thread) -> bool {
    is_in_use() && me.mask.get() != 0
}

/// Whether something waits for `me` alone, the caller, that signalfds show.
#[inline(always)]
pub fn has_own(me: &Thread) -> bool {
    is_in_use() && lent::lendable(me) != 0
}

/// From here on `me`, the caller, is told of what comes that it blocks. Before each look.
fn expect(me: &Thread) {
    let _critical = Critical::enter();
    // What is there already is no reason to look again.
    let known = me.pending.look();
    send::taken_out(me);
    me.expects.store(me.mask.get() & !known, Ordering::SeqCst);
}

/// Calls `look`, which does not wait, and may look at a signalfd. It is begun anew by the caller where that ends
/// with `EINTR`.
#[inline(always)]
pub fn look(me: &Thread, look: impl FnOnce() -> isize) -> isize {
    if !is_in_use() {
        return look();
    }
    with_own(me, || true, look, |_, _| 0)
}

/// Calls `read`, which does not wait and fills these `count` buffers from the file `fd`: that may be a signalfd.
///
/// # Safety
/// `vectors` are `count` valid buffers, or `read` fails.
#[inline(always)]
pub unsafe fn read(
    me: &Thread,
    fd: i32,
    (vectors, count): (*const iovec, i32),
    read: impl FnOnce() -> isize,
) -> isize {
    if !is_in_use() {
        return read();
    }
    let is_one = || open_files::kind_of_anonymous(fd, &mut [0; 32]) == b"[signalfd]";
    with_own(me, is_one, read, |result, signal| {
        // SAFETY: as the caller promises: that many bytes were written.
        unsafe { count_of(signal, vectors, count, result) }
    })
}

/// Calls `call`, if `is_concerned` with what waits for `me` alone, the caller, lent to the kernel. Of a
/// result and a signal `read` says how many the program has been given.
#[cold]
fn with_own(
    me: &Thread,
    is_concerned: impl FnOnce() -> bool,
    call: impl FnOnce() -> isize,
    read: impl Fn(isize, i32) -> u32,
) -> isize {
    expect(me);
    if lent::lendable(me) == 0 || !is_concerned() {
        return call();
    }
    let _critical = Critical::enter();
    let lent = Lent::new(me, lent::lendable(me));
    let result = call();
    lent.take_back(me, |signal| read(result, signal));
    result
}

/// How often `signal` is among the `length` bytes that were read from a signalfd.
///
/// # Safety
/// `vectors` are `count` valid buffers, in which that many bytes are, if `length` is positive.
unsafe fn count_of(signal: i32, vectors: *const iovec, count: i32, length: isize) -> u32 {
    const SIZE: usize = size_of::<signalfd_siginfo>();
    let mut found = 0;
    for place in (0..length.max(0) as usize).step_by(SIZE) {
        // ssi_signo comes first, and is no larger than a byte.
        const { assert!(core::mem::offset_of!(signalfd_siginfo, ssi_signo) == 0 && HIGHEST < 256) };
        let mut skip = place;
        for index in 0..count as usize {
            // SAFETY: as the caller promises.
            let buffer = unsafe { vectors.add(index).read_unaligned() };
            if skip < buffer.iov_len {
                // SAFETY: as the caller promises.
                let number = unsafe { buffer.iov_base.cast::<u8>().add(skip).read() };
                found += u32::from(i32::from(number) == signal);
                break;
            }
            skip -= buffer.iov_len;
        }
    }
    found
}

/// Claims `me`, the caller, if what it [expects](expect) has come: after it has armed.
#[inline(always)]
pub fn stay_if_come(me: &'static Thread) {
    if is_in_use() && me.expected() != 0 {
        wake::claim(me, Wake::Interrupted);
    }
}
