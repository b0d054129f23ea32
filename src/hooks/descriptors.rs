//! The lives of descriptor numbers: who ends one, who begins one, who changes
//! what is known of it. The hub's own numbers are out of the program's reach.

use core::ffi::{c_char, c_int, c_uint, c_ulong};

use libc::mode_t;

use crate::hub::descriptor::{self, end};
use crate::hub::epoll;
use crate::sched::blocking;
use crate::sys::errno;
use crate::sys::raw::syscall;
use crate::sys::real::real;
use crate::thread::cancel;

/// A call on a number that is the hub's.
fn bad_descriptor() -> c_int {
    errno::set(libc::EBADF);
    -1
}

/// Two numbers for one file from here on.
fn duplicated(old: c_int, new: c_int) -> c_int {
    if new >= 0 && new != old {
        descriptor::made(new);
        descriptor::share(old);
        descriptor::share(new);
    }
    new
}

/// `dup2` and `dup3`.
fn replace(old: c_int, new: c_int, call: impl FnOnce() -> isize) -> c_int {
    if epoll::is_ours(old) || epoll::is_ours(new) {
        return bad_descriptor();
    }
    // SAFETY: only asks.
    if old != new && unsafe { syscall!(SYS_fcntl, old, libc::F_GETFD) } >= 0 {
        end(new);
    }
    duplicated(old, errno::to_libc(call()) as c_int)
}

/// Closes `first..=last` but for the hub's numbers.
fn close_all(first: c_uint, last: c_uint, flags: c_int) -> isize {
    const CLOEXEC: c_int = libc::CLOSE_RANGE_CLOEXEC as c_int;
    if flags & CLOEXEC == 0 {
        descriptor::end_range(first, last);
    }
    let mut ours = epoll::ours().map(|fd| fd as c_uint);
    ours.sort_unstable();
    let mut from = first;
    for fd in ours.into_iter().filter(|fd| (first..=last).contains(fd)) {
        if from < fd {
            // SAFETY: the program's own descriptors.
            let result = unsafe { syscall!(SYS_close_range, from, fd - 1, flags) };
            if result < 0 {
                return result;
            }
        }
        from = fd + 1;
    }
    // An empty rest is no error here, and is one for the kernel.
    if from > last && from > first {
        return 0;
    }
    // SAFETY: as above.
    unsafe { syscall!(SYS_close_range, from, last, flags) }
}

export! {
    /// `close(2)`.
    fn close(fd: c_int) -> c_int {
        cancel::point();
        if epoll::is_ours(fd) {
            return bad_descriptor();
        }
        end(fd);
        // SAFETY: as the caller promises.
        errno::to_libc(unsafe { syscall!(SYS_close, fd) }) as c_int
    }

    /// Alias of `close`.
    unchecked fn __close(fd: c_int) -> c_int {
        // SAFETY: as the caller promises.
        unsafe { close(fd) }
    }

    /// `close_range(2)`.
    unchecked fn close_range(first: c_uint, last: c_uint, flags: c_int) -> c_int {
        errno::to_libc(close_all(first, last, flags)) as c_int
    }

    /// `closefrom(3)`.
    unchecked fn closefrom(first: c_int) {
        close_all(first.max(0) as c_uint, c_uint::MAX, 0);
    }

    /// `dup(2)`.
    fn dup(fd: c_int) -> c_int {
        if epoll::is_ours(fd) {
            return bad_descriptor();
        }
        // SAFETY: as the caller promises.
        duplicated(fd, errno::to_libc(unsafe { syscall!(SYS_dup, fd) }) as c_int)
    }

    /// `dup2(2)`.
    fn dup2(old: c_int, new: c_int) -> c_int {
        // SAFETY: as the caller promises.
        replace(old, new, || unsafe { syscall!(SYS_dup2, old, new) })
    }

    /// Alias of `dup2`.
    unchecked fn __dup2(old: c_int, new: c_int) -> c_int {
        // SAFETY: as the caller promises.
        unsafe { dup2(old, new) }
    }

    /// `dup3(2)`.
    fn dup3(old: c_int, new: c_int, flags: c_int) -> c_int {
        // SAFETY: as the caller promises.
        replace(old, new, || unsafe { syscall!(SYS_dup3, old, new, flags) })
    }

    /// `fcntl(2)`. Variadic in C; on x86-64 that makes no difference to the
    /// callee.
    unchecked fn fcntl(fd: c_int, command: c_int, argument: c_ulong) -> c_int {
        if epoll::is_ours(fd) {
            return bad_descriptor();
        }
        // glibc's own: it knows of commands that need more than the system call.
        let real = real!(fcntl: unsafe extern "C-unwind" fn(c_int, c_int, c_ulong) -> c_int);
        // SAFETY: as the caller promises.
        let call = || unsafe { real(fd, command, argument) };
        match command {
            libc::F_DUPFD | libc::F_DUPFD_CLOEXEC => duplicated(fd, call()),
            libc::F_SETFL => {
                let result = call();
                if let Some(entry) = descriptor::get(fd) {
                    entry.status_changed();
                }
                result
            }
            libc::F_GETFL => {
                let flags = call();
                let hidden = flags >= 0 && descriptor::get(fd).is_some_and(|entry| entry.is_connecting());
                if hidden { flags & !libc::O_NONBLOCK } else { flags }
            }
            libc::F_SETLKW | libc::F_OFD_SETLKW => blocking::region(call),
            _ => call(),
        }
    }

    /// Alias of `fcntl`, where files may be large.
    unchecked fn fcntl64(fd: c_int, command: c_int, argument: c_ulong) -> c_int {
        // SAFETY: as the caller promises.
        unsafe { fcntl(fd, command, argument) }
    }

    /// Alias of `fcntl`.
    unchecked fn __fcntl(fd: c_int, command: c_int, argument: c_ulong) -> c_int {
        // SAFETY: as the caller promises.
        unsafe { fcntl(fd, command, argument) }
    }

    /// `ioctl(2)`.
    unchecked fn ioctl(fd: c_int, request: c_ulong, argument: c_ulong) -> c_int {
        if epoll::is_ours(fd) {
            return bad_descriptor();
        }
        // SAFETY: as the caller promises.
        let result = errno::to_libc(unsafe { syscall!(SYS_ioctl, fd, request, argument) }) as c_int;
        if request == libc::FIONBIO {
            if let Some(entry) = descriptor::get(fd) {
                entry.status_changed();
            }
        }
        result
    }

    /// `open(2)`.
    unchecked fn open(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
        // SAFETY: as the caller promises.
        unsafe { openat(libc::AT_FDCWD, path, flags, mode) }
    }

    /// Alias of `open`.
    unchecked fn open64(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
        // SAFETY: as the caller promises.
        unsafe { openat(libc::AT_FDCWD, path, flags, mode) }
    }

    /// Alias of `open`.
    unchecked fn __open(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
        // SAFETY: as the caller promises.
        unsafe { openat(libc::AT_FDCWD, path, flags, mode) }
    }

    /// `creat(2)`.
    unchecked fn creat(path: *const c_char, mode: mode_t) -> c_int {
        // SAFETY: as the caller promises.
        unsafe { openat(libc::AT_FDCWD, path, libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC, mode) }
    }

    /// `openat(2)`. Opening a FIFO may block, opening a file is too common to
    /// look first: the monitor sees to it.
    unchecked fn openat(directory: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
        let real = real!(openat: unsafe extern "C-unwind" fn(c_int, *const c_char, c_int, mode_t) -> c_int);
        // SAFETY: as the caller promises.
        descriptor::made(unsafe { real(directory, path, flags, mode) })
    }

    /// Alias of `openat`.
    unchecked fn openat64(directory: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
        // SAFETY: as the caller promises.
        unsafe { openat(directory, path, flags, mode) }
    }

    /// `fclose(3)`.
    unchecked fn fclose(stream: *mut libc::FILE) -> c_int {
        // What other threads wait for on the number is over; a flush that the
        // real function begins with does not wait in the hub.
        // SAFETY: as the caller promises.
        end(unsafe { libc::fileno(stream) });
        let real = real!(fclose: unsafe extern "C-unwind" fn(*mut libc::FILE) -> c_int);
        // SAFETY: as the caller promises.
        unsafe { real(stream) }
    }

    /// `closedir(3)`.
    unchecked fn closedir(directory: *mut libc::DIR) -> c_int {
        if !directory.is_null() {
            // SAFETY: as the caller promises.
            end(unsafe { libc::dirfd(directory) });
        }
        let real = real!(closedir: unsafe extern "C-unwind" fn(*mut libc::DIR) -> c_int);
        // SAFETY: as the caller promises.
        unsafe { real(directory) }
    }

    /// `pclose(3)`: waits for the command.
    unchecked fn pclose(stream: *mut libc::FILE) -> c_int {
        // SAFETY: as the caller promises.
        end(unsafe { libc::fileno(stream) });
        let real = real!(pclose: unsafe extern "C-unwind" fn(*mut libc::FILE) -> c_int);
        // SAFETY: as the caller promises.
        blocking::region(|| unsafe { real(stream) })
    }

    /// `freopen(3)`.
    unchecked fn freopen(path: *const c_char, mode: *const c_char, stream: *mut libc::FILE) -> *mut libc::FILE {
        // SAFETY: as the caller promises.
        end(unsafe { libc::fileno(stream) });
        type Real = unsafe extern "C-unwind" fn(*const c_char, *const c_char, *mut libc::FILE) -> *mut libc::FILE;
        let real = real!(freopen: Real);
        // SAFETY: as the caller promises.
        unsafe { real(path, mode, stream) }
    }
}
