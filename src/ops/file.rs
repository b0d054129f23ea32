//! Reads and writes on what is no socket.

use core::ffi::c_void;
use core::ptr;

use libc::iovec;

use super::look::is_ready;
use super::vectors::{self, are_empty};
use super::{EAGAIN, IN_KERNEL, Operation, pass_on};
use crate::arch::system_call::syscall6;
use crate::hub::class::Class;
use crate::hub::descriptor::{Descriptor, Direction};
use crate::sched::park;
use crate::signal::{adopt, cancel, restart, signalfd};
use crate::sys::pages::PAGE;
use crate::sys::raw::{is_refused, syscall};
use crate::sys::{open_files, socket, terminal};
use crate::task::{Thread, arguments};

const EOPNOTSUPP: isize = -(libc::EOPNOTSUPP as isize);

/// The program's own system call.
pub(super) struct Call {
    pub number: i64,
    pub arguments: [usize; 3],
}

impl Call {
    /// Makes it.
    ///
    /// # Safety
    /// The arguments are valid for it.
    unsafe fn make(&self) -> isize {
        let [a, b, c] = self.arguments;
        // SAFETY: as the caller promises.
        unsafe { syscall6(self.number, a, b, c, 0, 0, 0) }
    }

    /// Makes it where it may wait, and be cancelled.
    ///
    /// # Safety
    /// The arguments are valid for it.
    unsafe fn make_waiting(&self) -> isize {
        let [a, b, c] = self.arguments;
        // SAFETY: as the caller promises.
        unsafe { cancel::waiting_call(self.number, [a, b, c, 0, 0, 0]) }
    }

    /// Whether it is a `read` or `write` of no bytes, or of a vector of none.
    fn is_for_nothing(&self) -> bool {
        let [_, buffer, length] = self.arguments;
        match self.number {
            libc::SYS_read | libc::SYS_write => length == 0,
            _ => are_empty(buffer as *const iovec, length as i32),
        }
    }

    /// Whether it ends at once in `direction`, although a look at `entry`, of the number `fd`, says that
    /// it would wait.
    fn ends_unasked(&self, entry: &Descriptor, fd: i32, direction: Direction) -> bool {
        match direction {
            Direction::Read => {
                terminal::reads_unasked(fd)
                    || self.is_too_short(entry, fd)
                    || entry.reads_at_once(fd)
            }
            Direction::Write => self.writes_unasked(fd),
        }
    }

    /// Whether it is a write to `fd` that ends at once, or may: many files have a queue for who reads and none for
    /// who writes, as fanotify and /dev/kmsg, and are never said to be ready for writing. So what waits there waits
    /// in the kernel, but for the files of which a look tells.
    fn writes_unasked(&self, fd: i32) -> bool {
        if let Some(capacity) = capacity(fd) {
            self.may_fill_page(fd, capacity)
        } else if open_files::kind_of_anonymous(fd, &mut [0; 32]) == b"[eventfd]" {
            !self.adds()
        } else {
            !terminal::is_one(fd)
        }
    }

    /// Whether it is a `read` from `entry`, of the number `fd`, that fails at once, as it has too little
    /// room.
    fn is_too_short(&self, entry: &Descriptor, fd: i32) -> bool {
        self.number == libc::SYS_read && self.arguments[2] < entry.least_room(fd)
    }

    /// Whether `fd`, a pipe or FIFO of `capacity` with no room for another page, perhaps has some in its last one, for
    /// what of the caller's bytes makes no whole one (Linux, fs/pipe.c: `anon_pipe_write`).
    fn may_fill_page(&self, fd: i32, capacity: isize) -> bool {
        let [_, buffer, length] = self.arguments;
        let total = match self.number {
            libc::SYS_write => length,
            _ => match vectors::length(buffer as *const iovec, length) {
                Some(total) => total,
                None => return false,
            },
        };
        let rest = (total % PAGE) as isize;
        // Where more than the last page has room it may yet have none: then the call waits in the kernel.
        rest != 0 && socket::unread(fd).is_ok_and(|held| held as isize + rest <= capacity)
    }

    /// Whether it is a `write` of one number that an eventfd can add (eventfd(2)).
    fn adds(&self) -> bool {
        let [_, buffer, length] = self.arguments;
        self.number == libc::SYS_write
            && length == size_of::<u64>()
            && arguments::are_readable(buffer, length)
            // SAFETY: just seen.
            && unsafe { (buffer as *const u64).read_unaligned() } != u64::MAX
    }
}

/// A read or write on what is no socket, tried with `RWF_NOWAIT`; `call` is the plain one. What can take the rest
/// later is written all.
///
/// # Safety
/// `vectors` are `count` buffers as for `preadv2` or `pwritev2`, and `call` is valid.
pub(super) unsafe fn transfer(
    me: &'static Thread,
    fd: i32,
    class: Option<Class>,
    direction: Direction,
    vectors: *const iovec,
    count: i32,
    call: Call,
) -> isize {
    // SAFETY: as the caller promises.
    let native = || unsafe { call.make() };
    if matches!(class, None | Some(Class::Disk)) {
        park::count_transfer(me);
        return adopt::raised(native());
    }
    if !(1..=libc::UIO_MAXIOV).contains(&count) || call.is_for_nothing() {
        // Readiness is no sign of what the kernel says to this.
        // SAFETY: as the caller promises.
        return restart::in_region(|| unsafe { call.make_waiting() });
    }
    let Some(mut operation) = Operation::new(me, fd, direction) else {
        return adopt::raised(native());
    };
    // SAFETY: as the caller promises.
    unsafe {
        let result = run(&mut operation, vectors, count, &call);
        if direction == Direction::Write && result > 0 {
            return rest(&mut operation, vectors, count as usize, result as usize);
        }
        result
    }
}

/// Makes one transfer of what `operation` is about.
///
/// # Safety
/// As for [`transfer`].
unsafe fn run(operation: &mut Operation, vectors: *const iovec, count: i32, call: &Call) -> isize {
    let (me, fd, direction) = (operation.me, operation.fd, operation.direction);
    // SAFETY: as the caller promises.
    let native = || unsafe { call.make() };
    let mut has_waited = false;
    let mut attempt = |entry: &Descriptor| {
        let mut result = EOPNOTSUPP;
        if entry.can_skip_waiting(fd, direction) {
            // SAFETY: as the caller promises.
            result = unsafe { no_wait(fd, direction, vectors, count) };
        }
        if result == EOPNOTSUPP || is_refused(result) {
            entry.cannot_skip_waiting(fd, direction);
            result = when_ready(entry, fd, direction, call, native);
            if result == EAGAIN && direction == Direction::Read && is_without_writers(fd) {
                // Who comes meanwhile may make it wait.
                result = IN_KERNEL;
            }
        }
        if !matches!(result, EAGAIN | IN_KERNEL) {
            pass_on(entry, direction);
        }
        if result == 0 && has_waited && direction == Direction::Read && terminal::is_hung_up(fd) {
            return -(libc::EIO as isize);
        }
        has_waited = result == EAGAIN;
        result
    };
    signalfd::awaited(me, || {
        operation.run(
            |entry, _| match direction {
                // SAFETY: as the caller promises.
                Direction::Read => unsafe {
                    signalfd::read(me, fd, (vectors, count), || attempt(entry))
                },
                Direction::Write => attempt(entry),
            },
            // SAFETY: as the caller promises.
            || unsafe { call.make_waiting() },
        )
    })
}

/// Writes what is left of `count` buffers after `done` bytes, if the file takes that later. How many have gone in
/// the end.
///
/// # Safety
/// The buffers are valid.
#[inline]
pub(super) unsafe fn rest(
    operation: &mut Operation,
    vectors: *const iovec,
    count: usize,
    done: usize,
) -> isize {
    let write = |at: *mut c_void, length: usize| {
        let mut written = 0;
        while written < length && takes_rest(operation) {
            let left = vectors::one(at.wrapping_byte_add(written), length - written);
            let call = Call {
                number: libc::SYS_write,
                arguments: [operation.fd as usize, left.iov_base.addr(), left.iov_len],
            };
            // SAFETY: as the caller promises.
            match unsafe { run(operation, &raw const left, 1, &call) } {
                more @ 1.. => written += more as usize,
                _ => break,
            }
        }
        written as isize
    };
    // SAFETY: as the caller promises.
    unsafe { vectors::rest(vectors, count, done, write) }
}

/// Whether the file of `operation`, which has taken a part of what it was given, takes the rest later, as a pipe does
/// or a terminal, and the call goes on.
#[cold]
fn takes_rest(operation: &mut Operation) -> bool {
    let (fd, entry) = (operation.fd, operation.entry);
    !entry.is_nonblocking(fd)
        && (entry.can_skip_waiting(fd, Direction::Write) || tells_of_room(fd))
        && operation.part_done()
}

/// A transfer at the file's own position that does not wait.
unsafe fn no_wait(fd: i32, direction: Direction, vectors: *const iovec, count: i32) -> isize {
    const HERE: isize = -1;
    // SAFETY: as the caller promises.
    unsafe {
        match direction {
            Direction::Read => {
                syscall!(
                    SYS_preadv2,
                    fd,
                    vectors,
                    count,
                    HERE,
                    HERE,
                    libc::RWF_NOWAIT
                )
            }
            Direction::Write => {
                syscall!(
                    SYS_pwritev2,
                    fd,
                    vectors,
                    count,
                    HERE,
                    HERE,
                    libc::RWF_NOWAIT
                )
            }
        }
    }
}

/// How much `fd` takes, if it is a pipe or FIFO.
fn capacity(fd: i32) -> Option<isize> {
    // SAFETY: only asks.
    let capacity = unsafe { syscall!(SYS_fcntl, fd, libc::F_GETPIPE_SZ) };
    (capacity > 0).then_some(capacity)
}

/// Whether a look at `fd`, neither a socket nor an eventfd, tells of room there.
pub(super) fn tells_of_room(fd: i32) -> bool {
    capacity(fd).is_some() || terminal::is_one(fd)
}

/// Whether `fd` is a pipe or FIFO that nobody can write to: it is at its end, but as long as there
/// has been no writer nothing tells of that. Asked when a look has found nothing.
pub(super) fn is_without_writers(fd: i32) -> bool {
    // SAFETY: only asks.
    let mode = unsafe { syscall!(SYS_fcntl, fd, libc::F_GETFL) } as i32 & libc::O_ACCMODE;
    // The call below writes to what can be written. That has a writer, anyway.
    if mode != libc::O_RDONLY {
        return false;
    }
    // What comes meanwhile cannot be put anywhere, and stays.
    let nowhere = iovec {
        iov_base: ptr::without_provenance_mut(align_of::<usize>()),
        iov_len: 1,
    };
    // Of the calls that read from a pipe the one that can be told not to wait, where pipes with
    // names do not know RWF_NOWAIT.
    // SAFETY: the kernel copes with a place that is not there.
    unsafe {
        syscall!(
            SYS_vmsplice,
            fd,
            &raw const nowhere,
            1,
            libc::SPLICE_F_NONBLOCK
        ) == 0
    }
}

/// `native` if a look says that it will not block. It may yet: another thread or process
/// was faster, or a terminal takes its time over what it has been given. So nothing is
/// held meanwhile, and signals are handled. Of a terminal a look does not always tell.
fn when_ready(
    entry: &Descriptor,
    fd: i32,
    direction: Direction,
    call: &Call,
    native: impl Fn() -> isize,
) -> isize {
    if entry.is_nonblocking(fd) {
        native()
    } else if !is_ready(fd, direction) {
        if call.ends_unasked(entry, fd, direction) {
            IN_KERNEL
        } else {
            EAGAIN
        }
    } else if direction == Direction::Write {
        // A terminal that takes a byte makes the caller wait until it has all.
        pass_on(entry, direction);
        IN_KERNEL
    } else {
        native()
    }
}
