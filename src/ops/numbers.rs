//! Calls on descriptor *numbers*: what ends the life of one, begins one, or gives a file a
//! second one. The hub's own numbers are out of the program's reach. Any thread may be the
//! caller, before the first green thread, too.

use core::ffi::{c_int, c_uint};
use core::sync::atomic::{AtomicBool, Ordering};

use super::{EBADF, lives};
use crate::hub::{descriptor, own, place};
use crate::sched::kernel_state::{self, Change};
use crate::sched::{self, blocking};
use crate::signal::cancel;
use crate::sys::raw::syscall;
use crate::sys::{limit, open_files, socket};
use crate::task::current;
use crate::thread::exit;

/// The hub's numbers, as far as the caller could touch them.
fn ours() -> impl Iterator<Item = c_int> {
    own::all().filter(|_| !current().is_apart())
}

/// Keeps the hub where it is. Who is apart does not come near it, and may end at any
/// time.
fn hold() -> Option<place::Held> {
    (!current().is_apart()).then(place::hold)
}

/// Whether `fd` is out of the program's reach.
pub(super) fn is_the_hubs(fd: c_int) -> bool {
    ours().any(|own| own == fd)
}

/// `close(2)` as a system call.
pub fn close(fd: c_int) -> isize {
    // SAFETY: a number is no memory.
    close_by(fd, || unsafe { syscall!(SYS_close, fd) })
}

/// `close(2)`, a cancellation point while it waits.
pub fn close_at_point(fd: c_int) -> isize {
    // SAFETY: a number is no memory.
    close_by(fd, || unsafe {
        cancel::waiting_call(libc::SYS_close, [fd as usize, 0, 0, 0, 0, 0])
    })
}

/// Closes `fd`, by `waiting` where that may wait for what has not been sent.
fn close_by(fd: c_int, waiting: impl FnOnce() -> isize) -> isize {
    if is_the_hubs(fd) {
        return EBADF;
    }
    let lingers = LINGER_SET.load(Ordering::Relaxed) && lingers(fd);
    lives::end(fd, || {
        if lingers {
            blocking::region(waiting)
        } else {
            // SAFETY: a number is no memory.
            unsafe { syscall!(SYS_close, fd) }
        }
    })
}

/// Whether a socket of this process ever had its `SO_LINGER` set. A forked child keeps it, as it
/// keeps the sockets.
static LINGER_SET: AtomicBool = AtomicBool::new(false);

/// The program sets `SO_LINGER` of a socket.
pub(super) fn linger_set() {
    LINGER_SET.store(true, Ordering::Relaxed);
}

/// Whether the last close of `fd` waits for what has not been sent (socket(7), `SO_LINGER`).
#[cold]
fn lingers(fd: c_int) -> bool {
    // SAFETY: the option is a `linger`, of which any bytes are a valid one.
    unsafe { socket::option::<libc::linger>(fd, libc::SO_LINGER) }
        .is_ok_and(|option| option.l_onoff != 0 && option.l_linger != 0)
}

/// `close_range(2)`, which passes over the hub's numbers.
pub fn close_range(first: c_uint, last: c_uint, flags: c_uint) -> isize {
    const ALL: c_uint = libc::CLOSE_RANGE_CLOEXEC | libc::CLOSE_RANGE_UNSHARE;
    // SAFETY: numbers are no memory.
    let kernel = |first, last, flags| unsafe { syscall!(SYS_close_range, first, last, flags) };
    if first > last || flags & !ALL != 0 {
        return kernel(first, last, flags);
    }
    let flags = match without_unshare(flags) {
        Ok(flags) => flags,
        Err(error) => return error,
    };
    if flags & libc::CLOSE_RANGE_CLOEXEC == 0 {
        // Nobody must learn of an end that does not come: close_range(2) is of
        // Linux 5.9. The probe closes a number that cannot be open.
        match kernel(c_uint::MAX, c_uint::MAX, 0) {
            0 => lives::end_range(first, last, |first, last| {
                beside_ours(first, last, |from, to| kernel(from, to, flags))
            }),
            error => error,
        }
    } else {
        beside_ours(first, last, |from, to| kernel(from, to, flags))
    }
}

/// Runs `call` for all numbers from `first` to `last` but for the hub's, one stretch after the other.
fn beside_ours(first: c_uint, last: c_uint, call: impl Fn(c_uint, c_uint) -> isize) -> isize {
    let _held = hold();
    let mut spared = [None; own::COUNT];
    for (place, fd) in spared.iter_mut().zip(ours()) {
        *place = Some(fd as c_uint);
    }
    spared.sort_unstable();
    let mut from = first;
    for fd in spared.into_iter().flatten() {
        if (from..=last).contains(&fd) {
            if from < fd {
                let result = call(from, fd - 1);
                if result < 0 {
                    return result;
                }
            }
            from = fd + 1;
        }
    }
    if from > last {
        return 0;
    }
    call(from, last)
}

/// `closefrom(3)`. Where the kernel has no `close_range` it closes what is open, one by
/// one, as glibc does (sysdeps/unix/sysv/linux/closefrom_fallback.c).
pub fn close_from(first: c_uint) {
    if close_range(first, c_uint::MAX, 0) >= 0 {
        return;
    }
    let from_first = |fd: i32| {
        if fd as c_uint >= first {
            close(fd);
        }
    };
    let mut next = first;
    // Without a free number, or /proc, there is no looking at those in use.
    while open_files::each(from_first).is_err() && next < end_of_numbers() {
        close(next as c_int);
        next += 1;
    }
}

/// `flags` of `close_range` after what `CLOSE_RANGE_UNSHARE` asks for has been done.
fn without_unshare(flags: c_uint) -> Result<c_uint, isize> {
    if flags & libc::CLOSE_RANGE_UNSHARE != 0 {
        let result = unshare(libc::CLONE_FILES);
        if result < 0 {
            return Err(result);
        }
    }
    Ok(flags & !libc::CLOSE_RANGE_UNSHARE)
}

/// `unshare(2)`, which is about the calling kernel thread: from here on it is the
/// green thread's own.
pub fn unshare(flags: c_int) -> isize {
    // SAFETY: no memory is involved.
    let kernel = |flags: c_int| unsafe { syscall!(SYS_unshare, flags) };
    if !sched::is_running() {
        return kernel(flags);
    }
    if flags & libc::CLONE_FILES == 0 || exit::is_alone() {
        // A program with one thread shares its descriptors with nobody; the workers
        // must go on sharing them with it.
        let flags = flags & !libc::CLONE_FILES;
        if flags != 0 {
            kernel_state::before(Change::Inherited);
        }
        return kernel(flags);
    }
    kernel_state::before(match flags {
        libc::CLONE_FILES => Change::Own,
        _ => Change::Inherited,
    });
    // What the thread takes along is the others', too.
    descriptor::share_all();
    let result = kernel(flags);
    if result == 0 {
        blocking::set_apart();
    }
    result
}

/// One more than the highest number to think of: the soft limit may have been higher
/// before, and the hard one may be beyond all use.
fn end_of_numbers() -> c_uint {
    const NR_OPEN: c_uint = 1 << 20;
    let hard = limit::get().map_or(0, |limit| limit.hard);
    c_uint::try_from(hard).map_or(NR_OPEN, |hard| hard.min(NR_OPEN))
}

/// Two numbers for one file from here on.
pub(super) fn duplicated(old: c_int, new: isize) -> isize {
    if new >= 0 && new != old as isize {
        lives::share(old);
        lives::adopt(new as c_int);
    }
    new
}

/// `dup(2)`.
pub fn dup(fd: c_int) -> isize {
    if is_the_hubs(fd) {
        return EBADF;
    }
    // SAFETY: a number is no memory.
    duplicated(fd, unsafe { syscall!(SYS_dup, fd) })
}

/// `dup2(2)`.
pub fn dup2(old: c_int, new: c_int) -> isize {
    // SAFETY: numbers are no memory.
    replace(old, new, || unsafe { syscall!(SYS_dup2, old, new) })
}

/// `dup3(2)`.
pub fn dup3(old: c_int, new: c_int, flags: c_int) -> isize {
    // SAFETY: numbers are no memory.
    let call = || unsafe { syscall!(SYS_dup3, old, new, flags) };
    if flags & !libc::O_CLOEXEC != 0 {
        return call();
    }
    replace(old, new, call)
}

fn replace(old: c_int, new: c_int, call: impl FnOnce() -> isize) -> isize {
    if is_the_hubs(old) {
        return EBADF;
    }
    // SAFETY: only asks.
    if old == new || unsafe { syscall!(SYS_fcntl, old, libc::F_GETFD) } < 0 {
        return call();
    }
    lives::share(old);
    lives::replace(new, || beside_the_hub(new, call))
}

/// Runs `call`, which puts a file of the program's to the number `fd`.
fn beside_the_hub(fd: c_int, call: impl FnOnce() -> isize) -> isize {
    if is_the_hubs(fd) {
        place::make_room(fd);
    }
    let _held = hold();
    if is_the_hubs(fd) {
        return EBADF;
    }
    call()
}
