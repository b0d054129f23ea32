//! Options of sockets.

use core::mem::MaybeUninit;

use super::raw::syscall;

/// `getsockopt(2)` at level `SOL_SOCKET`; an error is `-errno`.
///
/// # Safety
/// The option's value is a `T`, of which any bytes are a valid one.
pub unsafe fn option<T: Copy>(fd: i32, option: i32) -> Result<T, isize> {
    let mut value = MaybeUninit::<T>::zeroed();
    let mut length = size_of::<T>() as libc::socklen_t;
    // SAFETY: `value` and `length` are live; valid as the caller promises.
    unsafe {
        let result = syscall!(
            SYS_getsockopt,
            fd,
            libc::SOL_SOCKET,
            option,
            value.as_mut_ptr(),
            &raw mut length
        );
        if result < 0 {
            Err(result)
        } else {
            Ok(value.assume_init())
        }
    }
}

/// How much of a socket's buffer for what it sends is in use, in bytes, as the kernel counts it
/// (`SIOCOUTQ`); an error is `-errno`.
pub fn unsent(fd: i32) -> Result<i32, isize> {
    let mut bytes = 0;
    // SAFETY: `bytes` is live.
    match unsafe { syscall!(SYS_ioctl, fd, libc::TIOCOUTQ, &raw mut bytes) } {
        0 => Ok(bytes),
        error => Err(error),
    }
}

/// How much has come to a socket, or a pipe, and was not received, in bytes (`SIOCINQ`, `FIONREAD`); an error is
/// `-errno`.
pub fn unread(fd: i32) -> Result<i32, isize> {
    let mut bytes = 0;
    // SAFETY: `bytes` is live.
    match unsafe { syscall!(SYS_ioctl, fd, libc::FIONREAD, &raw mut bytes) } {
        0 => Ok(bytes),
        error => Err(error),
    }
}

/// [`option`], for those that are an `int`.
pub fn int_option(fd: i32, name: i32) -> Result<i32, isize> {
    // SAFETY: the kernel writes at most the bytes of an i32, and any are valid.
    unsafe { option(fd, name) }
}

/// A time-out of a socket's (`SO_RCVTIMEO`, `SO_SNDTIMEO`), in nanoseconds; 0 for none.
pub fn timeout(fd: i32, option: i32) -> u64 {
    // SAFETY: these options are a timeval (socket(7)), of which any bytes are valid.
    match unsafe { self::option::<libc::timeval>(fd, option) } {
        Ok(time) => time.tv_sec as u64 * 1_000_000_000 + time.tv_usec as u64 * 1_000,
        Err(_) => 0,
    }
}
