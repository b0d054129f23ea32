//! POSIX message queues. Tried with a time limit that is over: `ETIMEDOUT` is what
//! `EAGAIN` is elsewhere.
//!
//! A message for which somebody waits in the kernel is not told to who has asked for a notification
//! (mq_notify(3)). So who receives from a queue of which that is asked waits there.

use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, Ordering};

use libc::timespec;

use super::{EAGAIN, IN_KERNEL, Operation, pass_on};
use crate::arch::system_call::syscall6;
use crate::hub::descriptor::{self, Direction};
use crate::sched::{self, park, wake};
use crate::signal::{cancel, restart};
use crate::sys::clock::{self, NEVER};
use crate::sys::raw::syscall;
use crate::task::{Thread, arguments, current, green};

const ETIMEDOUT: isize = -(libc::ETIMEDOUT as isize);

/// What `statfs(2)` says of a message queue (the kernel's ipc/mqueue.c).
const MQUEUE_MAGIC: i64 = 0x1980_0202;

/// Whether this process has ever asked for a notification. A forked child keeps it.
static NOTIFIES: AtomicBool = AtomicBool::new(false);

/// The caller is about to ask for a notification: those who wait for messages already go on to wait
/// in the kernel.
pub fn before_notify() {
    if NOTIFIES.load(Ordering::Relaxed) || current().is_apart() {
        return;
    }
    // Who receives sees it in his attempt, or the edge that follows.
    NOTIFIES.store(true, Ordering::SeqCst);
    if !sched::is_running() {
        return;
    }
    for queue in descriptor::in_use(0, u32::MAX).filter(|fd| is_queue(*fd)) {
        if let Some(entry) = descriptor::get(queue) {
            wake::collecting(|woken| entry.retry(Direction::Read, woken));
        }
    }
    if let Some(me) = green() {
        park::yield_now(me);
    }
}

fn is_queue(fd: i32) -> bool {
    let mut file = MaybeUninit::<libc::statfs>::zeroed();
    // SAFETY: there is room for what the kernel says of the file.
    let result = unsafe { syscall!(SYS_fstatfs, fd, file.as_mut_ptr()) };
    // SAFETY: zeros are as good as what the kernel writes.
    result == 0 && unsafe { file.assume_init() }.f_type == MQUEUE_MAGIC
}

/// Whether anybody has asked to be notified of messages in `queue`, from which the caller receives:
/// a read says so (mq_overview(7)).
fn is_notified(queue: i32) -> bool {
    const UNASKED: &[u8] = b"NOTIFY_PID:0 ";
    let mut status = [0u8; 128];
    // SAFETY: there is so much room.
    let length = unsafe { syscall!(SYS_pread64, queue, status.as_mut_ptr(), status.len(), 0) };
    let status = &status[..usize::try_from(length).unwrap_or(0)];
    !status.is_empty() && !status.windows(UNASKED.len()).any(|part| part == UNASKED)
}

/// Whether who waits for messages in `queue` has to do so in the kernel.
fn must_wait_there(queue: i32) -> bool {
    NOTIFIES.load(Ordering::Relaxed) || is_notified(queue)
}

/// System call `number`, one of the calls on `queue`, with a limit on `CLOCK_REALTIME`, which is null
/// or the program's, behind its other `arguments`.
///
/// # Safety
/// `limit` is null or for a `timespec`, the arguments are as for the system call.
pub unsafe fn run(
    me: &'static Thread,
    queue: i32,
    direction: Direction,
    number: i64,
    [message, length, priority]: [usize; 3],
    limit: *const timespec,
) -> isize {
    let all = |limit: *const timespec| {
        let queue = queue as usize;
        [queue, message, length, priority, limit.addr(), 0]
    };
    let call = |limit| {
        let [a, b, c, d, e, f] = all(limit);
        // SAFETY: as the caller promises.
        unsafe { syscall6(number, a, b, c, d, e, f) }
    };
    let deadline = if limit.is_null() {
        NEVER
    } else if arguments::is_readable(limit) {
        // SAFETY: just seen.
        let time = unsafe { limit.read_unaligned() };
        if !clock::is_valid(&time) || time.tv_sec < 0 {
            return call(limit);
        }
        clock::deadline(libc::CLOCK_REALTIME, &time)
    } else {
        return call(limit);
    };
    // SAFETY: as the caller promises.
    let native = || unsafe { cancel::waiting_call(number, all(limit)) };
    let Some(operation) = Operation::new(me, queue, direction) else {
        return restart::in_region(native);
    };
    let mut operation = operation.limited(deadline);
    let result = operation.run(
        |entry, _| match call(&clock::PAST) {
            ETIMEDOUT if direction == Direction::Read && must_wait_there(queue) => IN_KERNEL,
            ETIMEDOUT => EAGAIN,
            result => {
                if result != EAGAIN {
                    pass_on(entry, direction);
                }
                result
            }
        },
        native,
    );
    if result == EAGAIN && !operation.entry.is_nonblocking(queue) {
        return ETIMEDOUT;
    }
    result
}
