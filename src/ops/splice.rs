//! From one descriptor to another inside the kernel. There is no form of these calls that
//! does not block on every kind of file; so both sides are waited for first, and what is
//! asked for at a time is what then goes through. What the kernel refuses at once is not
//! waited for. `SPLICE_F_NONBLOCK` concerns pipes, and tells if another thread was faster there.

use libc::{iovec, loff_t};

use super::life::Life;
use super::receive::has_low_water;
use super::{EAGAIN, Operation, ended, file, look, pass_on, shut_down};
use crate::glibc::real::real;
use crate::hub::class::Class;
use crate::hub::descriptor::{self, Direction};
use crate::sched::park;
use crate::signal::{adopt, restart};
use crate::sys::file::File;
use crate::sys::raw::syscall;
use crate::sys::{errno, socket, terminal};
use crate::task::{Thread, arguments};

pub(super) fn class(fd: i32) -> Class {
    descriptor::get(fd).map_or(Class::Disk, |entry| entry.class(fd))
}

pub(super) fn is_socket(fd: i32) -> bool {
    matches!(class(fd), Class::Tcp | Class::Socket)
}

/// Whether `fd` is a socket that listens: no data go through it, and it never is ready to be written.
pub(super) fn is_listener(fd: i32) -> bool {
    is_socket(fd) && socket::int_option(fd, libc::SO_ACCEPTCONN) == Ok(1)
}

/// Runs `call` for the file of that life, if the number is in the table.
pub(super) fn keeping(life: Option<Life>, call: impl FnOnce() -> isize) -> isize {
    match life {
        Some(life) => life.keeping(call),
        None => call(),
    }
}

/// A wait of a call that began in that life.
pub(super) fn waiting(life: Life, direction: Direction) -> Option<Operation> {
    if life.is_kept() {
        Some(Operation::go_on(life, direction))
    } else {
        Operation::new(life.me, life.fd, direction)
    }
}

/// Waits by `operation` until the file is ready, unless the program's own calls on it do not block or the kernel
/// is going to refuse the transfer: whether that took time, or `-errno`.
pub(super) fn await_by(
    mut operation: Operation,
    is_refused: impl FnOnce() -> bool,
) -> Result<bool, isize> {
    let (me, fd, direction) = (operation.me, operation.fd, operation.direction);
    if class(fd) == Class::Disk {
        return Ok(false);
    }
    if operation.entry.is_nonblocking(fd) {
        return Ok(false);
    }
    let goes_through = || {
        look::is_ready(fd, direction)
            || match direction {
                Direction::Read => ends_unasked(fd),
                Direction::Write => has_room(fd),
            }
    };
    let shut_downs = shut_down::so_far();
    let result = if goes_through() || is_refused() {
        park::spend(me);
        Ok(false)
    } else {
        // Of a socket that was shut down a look may not tell.
        let ends = || goes_through() || shut_down::so_far() != shut_downs;
        match operation.repeat(|_, _| if ends() { 0 } else { EAGAIN }, || 0) {
            0 if direction == Direction::Write => ended::of_waiter(fd).map(|()| true),
            0 => Ok(true),
            error => Err(error),
        }
    };
    pass_on(operation.entry, direction);
    result
}

/// How much a socket that is ready takes at once: a third of its buffer is free then
/// (sk_stream_is_writable in the kernel's include/net/sock.h).
pub(super) fn room(fd: i32) -> usize {
    const LEAST: usize = 4096;
    let buffer = socket::int_option(fd, libc::SO_SNDBUF).unwrap_or(0);
    (buffer as usize / 4).max(LEAST)
}

/// Whether a sink that is not ready takes something nevertheless: a socket of a Unix domain is ready
/// as long as three quarters of its buffer are free (unix_writable in the kernel's
/// net/unix/af_unix.c), and takes more until none is. Of a TCP socket's nobody can know, but that
/// is ready until two thirds are in use.
///
/// Of what is no socket a look tells nothing (see `writes_unasked` in `ops/file.rs`), but of pipes and terminals.
fn has_room(fd: i32) -> bool {
    match class(fd) {
        Class::Tcp => false,
        Class::Socket => match (socket::unsent(fd), socket::int_option(fd, libc::SO_SNDBUF)) {
            (Ok(unsent), Ok(buffer)) => unsent < buffer,
            _ => true,
        },
        _ => !file::tells_of_room(fd),
    }
}

/// Whether the kernel has an answer to who reads from `fd`, or will have one, although it is not ready:
/// a FIFO's end, a terminal's time limit; or data, where a socket waits for more.
fn ends_unasked(fd: i32) -> bool {
    if is_socket(fd) {
        has_low_water(fd)
    } else {
        terminal::reads_unasked(fd) || file::is_without_writers(fd)
    }
}

/// What the flags of `splice` and its kin may be.
const FLAGS: u32 =
    libc::SPLICE_F_MOVE | libc::SPLICE_F_NONBLOCK | libc::SPLICE_F_MORE | libc::SPLICE_F_GIFT;

/// What a transfer is between.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Between {
    /// Pipes, or a pipe and memory: with `SPLICE_F_NONBLOCK` it never blocks.
    Pipes,
    /// A pipe and something that may yet block.
    Others,
}

/// Waits for these ends unless the call `is_refused`, then makes the `call`, libc's own, with these flags;
/// it can be cancelled.
fn when_ready<const N: usize>(
    me: &'static Thread,
    between: Between,
    ends: &[(i32, Direction); N],
    flags: u32,
    is_refused: impl Fn() -> bool,
    call: impl Fn(u32) -> isize,
) -> isize {
    /// So often the kernel does not mean what it says.
    const ATTEMPTS: usize = 32;
    let call = |flags| errno::to_kernel(call(flags));
    let attempt = |call: &dyn Fn() -> isize| match between {
        Between::Pipes => adopt::raised(call()),
        Between::Others => restart::in_region(call),
    };
    if flags & libc::SPLICE_F_NONBLOCK != 0 {
        return attempt(&|| call(flags));
    }
    let lives = ends.each_ref().map(|&(fd, _)| Life::of(me, fd));
    // The files that the numbers meant when the call began: others must not get or lose anything.
    let kept = |flags| keeping(lives[0], || keeping(lives[N - 1], || call(flags)));
    let mut left = ATTEMPTS;
    while left > 0 {
        let mut has_waited = false;
        for (&(_, direction), life) in ends.iter().zip(lives) {
            if let Some(operation) = life.and_then(|life| waiting(life, direction)) {
                match await_by(operation, &is_refused) {
                    Ok(waited) => has_waited |= waited,
                    Err(error) => return error,
                }
            }
        }
        if !me.is_green() {
            // A handler that has forked: here nobody has waited.
            break;
        }
        let result = attempt(&|| kept(flags | libc::SPLICE_F_NONBLOCK));
        if result != EAGAIN || ends.iter().any(|&(fd, _)| is_nonblocking(fd)) {
            return result;
        }
        if is_refused() {
            break;
        }
        // Another thread was faster than who was woken; that may happen any number of times.
        left = if has_waited { ATTEMPTS } else { left - 1 };
    }
    restart::in_region(|| kept(flags))
}

fn is_nonblocking(fd: i32) -> bool {
    descriptor::get(fd).is_none_or(|entry| entry.is_nonblocking(fd))
}

/// `splice(2)`.
///
/// # Safety
/// As for `splice`.
pub unsafe fn splice(
    me: &'static Thread,
    from: (i32, *mut loff_t),
    to: (i32, *mut loff_t),
    length: usize,
    flags: u32,
) -> isize {
    type Real =
        unsafe extern "C-unwind" fn(i32, *mut loff_t, i32, *mut loff_t, usize, u32) -> isize;
    let real = real!(splice: Real);
    // More would have to wait for the receiver; less is for the caller to go on with.
    let length = if is_socket(to.0) {
        length.min(room(to.0))
    } else {
        length
    };
    // An offset is for what has positions, and that is never waited for.
    let is_refused = || {
        length == 0
            || flags & !FLAGS != 0
            || match (File::of(from.0), File::of(to.0)) {
                (Some(source), Some(sink)) => {
                    !source.can_read()
                        || !sink.can_write()
                        || !(source.is_pipe() || sink.is_pipe())
                        || (!from.1.is_null() && !source.has_positions())
                        || (!to.1.is_null() && !sink.has_positions())
                        || (source.is_pipe() && source.is_same(&sink))
                        || sink.appends()
                        || source.is_no_data()
                        || sink.is_no_data()
                        || is_listener(from.0)
                        || is_listener(to.0)
                }
                _ => true,
            }
    };
    let ends = [(from.0, Direction::Read), (to.0, Direction::Write)];
    let is_pipe = |fd| File::of(fd).is_some_and(|file| file.is_pipe());
    let between = if is_pipe(from.0) && is_pipe(to.0) {
        Between::Pipes
    } else {
        Between::Others
    };
    // SAFETY: as the caller promises.
    when_ready(me, between, &ends, flags, is_refused, |flags| unsafe {
        real(from.0, from.1, to.0, to.1, length, flags)
    })
}

/// `tee(2)`.
pub fn tee(me: &'static Thread, from: i32, to: i32, length: usize, flags: u32) -> isize {
    let real = real!(tee: unsafe extern "C-unwind" fn(i32, i32, usize, u32) -> isize);
    let is_refused = || {
        length == 0
            || flags & !FLAGS != 0
            || match (File::of(from), File::of(to)) {
                (Some(source), Some(sink)) => {
                    !(source.is_pipe() && source.can_read() && sink.is_pipe() && sink.can_write())
                        || source.is_same(&sink)
                }
                _ => true,
            }
    };
    let ends = [(from, Direction::Read), (to, Direction::Write)];
    // SAFETY: numbers are no memory.
    when_ready(
        me,
        Between::Pipes,
        &ends,
        flags,
        is_refused,
        |flags| unsafe { real(from, to, length, flags) },
    )
}

/// `vmsplice(2)`, whose direction is that of the pipe's end.
///
/// # Safety
/// As for `vmsplice`.
pub unsafe fn from_memory(
    me: &'static Thread,
    fd: i32,
    vectors: *const iovec,
    count: usize,
    flags: u32,
) -> isize {
    // SAFETY: only asks.
    let mode = unsafe { syscall!(SYS_fcntl, fd, libc::F_GETFL) };
    let direction = if mode as i32 & libc::O_ACCMODE == libc::O_RDONLY {
        Direction::Read
    } else {
        Direction::Write
    };
    let is_refused = || {
        flags & !FLAGS != 0
            || !(1..=libc::UIO_MAXIOV as usize).contains(&count)
            || !arguments::are_readable(vectors.addr(), count * size_of::<iovec>())
            || !File::of(fd).is_some_and(|file| file.is_pipe())
    };
    let real = real!(vmsplice: unsafe extern "C-unwind" fn(i32, *const iovec, usize, u32) -> isize);
    let (pipe, ends) = (Between::Pipes, [(fd, direction)]);
    // SAFETY: as the caller promises.
    when_ready(me, pipe, &ends, flags, is_refused, |flags| unsafe {
        real(fd, vectors, count, flags)
    })
}
