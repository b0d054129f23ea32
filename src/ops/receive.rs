//! Receiving and reading.

use core::cell::Cell;
use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering};

use libc::{iovec, msghdr, sockaddr, socklen_t};

use super::received::{AT_ONCE, found_nothing, settle};
use super::vectors::{self, are_empty, as_message, message_of, one};
use super::{
    EAGAIN, EINTR, ENOTSOCK, Operation, at_once, file, is_stream, pass_on, rights, wait_all,
};
use crate::glibc::real::real;
use crate::hub::class::Class;
use crate::hub::descriptor::{self, Descriptor, Direction};
use crate::signal::restart;
use crate::signal::socket_wait::Act;
use crate::sys::raw::syscall;
use crate::sys::{errno, socket};
use crate::task::{Thread, arguments};

/// Where a message comes from.
#[derive(Clone, Copy)]
pub struct Source {
    /// Null, or where the sender's address goes.
    pub address: *mut sockaddr,
    /// Its size.
    pub length: *mut socklen_t,
}

impl Source {
    /// Nobody asks.
    pub const NONE: Self = Self {
        address: ptr::null_mut(),
        length: ptr::null_mut(),
    };
}

/// Whether a socket of this process ever had its `SO_RCVLOWAT` set. Sockets inherit it from
/// listeners, and processes from each other. A forked child keeps it, as it keeps the sockets.
static LOW_WATER_SET: AtomicBool = AtomicBool::new(false);

/// The program sets `SO_RCVLOWAT` of a socket.
pub fn low_water_set() {
    LOW_WATER_SET.store(true, Ordering::Relaxed);
}

/// Whether a receive call is to wait for more than the first byte. Then it waits in the
/// kernel, which alone knows how much of a stream has come while it takes from it.
#[inline(always)]
pub(super) fn has_low_water(fd: i32) -> bool {
    LOW_WATER_SET.load(Ordering::Relaxed)
        && socket::int_option(fd, libc::SO_RCVLOWAT).is_ok_and(|bytes| bytes > 1)
}

/// Whether a Unix socket of this process ever had its `SO_INQ` set, which nobody can ask for. A forked child keeps it,
/// as it keeps the sockets.
static UNREAD_TOLD: AtomicBool = AtomicBool::new(false);

/// The program sets `SO_INQ` of a socket.
pub fn unread_told() {
    UNREAD_TOLD.store(true, Ordering::Relaxed);
}

/// Whether a receive call with `flags`, which waits, does so in the kernel: that alone knows how far it goes, or from
/// which file its first part has come.
#[inline(always)]
pub(super) fn waits_in_kernel(operation: &Operation, flags: i32) -> bool {
    let (entry, fd) = (operation.entry, operation.fd);
    has_low_water(fd)
        || flags & libc::MSG_WAITALL != 0
            && (operation.is_uncertain() || ends_untold(entry, fd, flags))
}

/// Whether attempts would not tell how far a call with `MSG_WAITALL` goes. (Another process may have set the options.)
#[cold]
fn ends_untold(entry: &Descriptor, fd: i32, flags: i32) -> bool {
    let option = |name| socket::int_option(fd, name);
    match entry.class(fd) {
        // Each look moves the place where the next one begins.
        Class::Tcp => {
            flags & libc::MSG_PEEK != 0 && option(libc::SO_PEEK_OFF).is_ok_and(|at| at >= 0)
        }
        // It takes nothing together that is from two, if it tells whom from; and what comes with each part does not say
        // whether descriptors would have, if there was no room.
        _ => {
            UNREAD_TOLD.load(Ordering::Relaxed)
                || [libc::SO_PASSCRED, libc::SO_PASSSEC, SO_PASSPIDFD]
                    .into_iter()
                    .any(|name| option(name).is_ok_and(|on| on != 0))
        }
    }
}

/// <asm-generic/socket.h>; the libc crate lacks it.
const SO_PASSPIDFD: i32 = 76;
/// Likewise.
pub(super) const SO_INQ: i32 = 84;

/// `recvfrom(2)`.
///
/// # Safety
/// As for `recvfrom`.
#[inline]
pub unsafe fn from(
    me: &'static Thread,
    fd: i32,
    buffer: *mut c_void,
    length: usize,
    flags: i32,
    source: Source,
) -> isize {
    let length = length.min(vectors::MOST);
    // SAFETY: as the caller promises.
    let call = |at: usize, flags: i32| unsafe {
        syscall!(
            SYS_recvfrom,
            fd,
            buffer.wrapping_byte_add(at),
            length - at,
            flags,
            source.address,
            source.length
        )
    };
    let Some(mut operation) = Operation::new(me, fd, Direction::Read) else {
        return restart::socket_in_region(fd, Act::Receive, || call(0, flags));
    };
    if flags & AT_ONCE != 0 {
        return at_once(me, call(0, flags));
    }
    let waits_for_all = flags & libc::MSG_WAITALL != 0;
    if waits_for_all || has_low_water(fd) {
        // SAFETY: as the caller promises.
        let result = unsafe { together(&operation, buffer, length, flags, source) };
        if let Some(result) = result {
            return result;
        }
    }
    if length == 0 {
        let watch = operation.watch;
        operation = operation.ended_by_handlers(watch);
    }
    let result = if waits_for_all {
        let is_over = Cell::new(false);
        wait_all::receive(&mut operation, false, length, flags, &is_over, call)
    } else {
        operation.run(
            |entry, edges| {
                let result = call(0, flags | libc::MSG_DONTWAIT);
                if result == EAGAIN {
                    return found_nothing(entry, fd);
                }
                settle(entry, fd, edges, result, length, flags);
                result
            },
            || call(0, flags),
        )
    };
    if length == 0 {
        return nothing(&operation, result);
    }
    result
}

/// Receives what is to come together, where the attempts of [`from`] would not tell how far that goes.
///
/// # Safety
/// As for `recvfrom`.
#[cold]
unsafe fn together(
    operation: &Operation,
    buffer: *mut c_void,
    length: usize,
    flags: i32,
    source: Source,
) -> Option<isize> {
    let (me, fd, entry) = (operation.me, operation.fd, operation.entry);
    if !waits_in_kernel(operation, flags) {
        let may_end = length > 0 && entry.class(fd) != Class::Tcp && is_stream(entry, fd);
        if !may_end {
            return None;
        }
        if source.address.is_null() {
            // Only that tells of descriptors, with which it ends.
            let buffer = one(buffer, length);
            // SAFETY: as the caller promises.
            return Some(unsafe { message(me, fd, &mut message_of(&raw const buffer, 1), flags) });
        }
    }
    type Real = unsafe extern "C-unwind" fn(
        i32,
        *mut c_void,
        usize,
        i32,
        *mut sockaddr,
        *mut socklen_t,
    ) -> isize;
    let real = real!(recvfrom: Real);
    // SAFETY: as the caller promises.
    let call = || unsafe { real(fd, buffer, length, flags, source.address, source.length) };
    Some(restart::socket_in_region(fd, Act::Receive, || {
        errno::to_kernel(call())
    }))
}

/// What a receive call says that wants no bytes, and has waited with this `result`: on TCP any end of
/// the wait is a success (tcp_recvmsg_locked in the kernel's net/ipv4/tcp.c).
#[cold]
fn nothing(operation: &Operation, result: isize) -> isize {
    let (entry, fd) = (operation.entry, operation.fd);
    let is_over = result == EINTR || result == EAGAIN && !entry.is_nonblocking(fd);
    if is_over && entry.class(fd) == Class::Tcp {
        0
    } else {
        result
    }
}

const LOOK_FOR_ALL: i32 = libc::MSG_PEEK | libc::MSG_WAITALL;

/// `recvmsg(2)`.
///
/// # Safety
/// As for `recvmsg`.
pub unsafe fn message(me: &'static Thread, fd: i32, message: *mut msghdr, flags: i32) -> isize {
    match Operation::new(me, fd, Direction::Read) {
        // SAFETY: as the caller promises.
        Some(mut operation) => unsafe { message_by(&mut operation, message, flags) },
        None => restart::socket_in_region(fd, Act::Receive, || {
            // SAFETY: as the caller promises.
            unsafe { syscall!(SYS_recvmsg, fd, message, flags) }
        }),
    }
}

/// [`message`], by an operation that may have received others.
///
/// # Safety
/// As for `recvmsg`.
pub(super) unsafe fn message_by(
    operation: &mut Operation,
    message: *mut msghdr,
    flags: i32,
) -> isize {
    let (me, fd) = (operation.me, operation.fd);
    // SAFETY: as the caller promises.
    let call = |flags: i32| unsafe { syscall!(SYS_recvmsg, fd, message, flags) };
    let waits = flags & AT_ONCE == 0;
    let wants_all = waits
        && flags & (libc::MSG_WAITALL | libc::MSG_PEEK) == libc::MSG_WAITALL
        && arguments::is_readable(message);
    // SAFETY: just seen.
    let room =
        wants_all.then(|| unsafe { (&raw const (*message).msg_controllen).read_unaligned() });
    // How often it is looked does not show, but with a message each look fills in that.
    let looks_for_all =
        || flags & LOOK_FOR_ALL == LOOK_FOR_ALL && operation.entry.class(fd) == Class::Tcp;
    if waits && (waits_in_kernel(operation, flags) || looks_for_all()) {
        type Real = unsafe extern "C-unwind" fn(i32, *mut msghdr, i32) -> isize;
        let real = real!(recvmsg: Real);
        // SAFETY: as the caller promises.
        let call = || errno::to_kernel(unsafe { real(fd, message, flags) });
        let result = restart::socket_in_region(fd, Act::Receive, call);
        if result >= 0 {
            // SAFETY: filled by the successful call.
            unsafe { rights::adopt(&*message) };
        }
        return result;
    }
    let result = if waits {
        operation.run(
            |entry, _| {
                let result = call(flags | libc::MSG_DONTWAIT);
                if result == EAGAIN {
                    return found_nothing(entry, fd);
                }
                pass_on(entry, Direction::Read);
                result
            },
            || call(flags),
        )
    } else {
        at_once(me, call(flags))
    };
    if result < 0 {
        // SAFETY: who has waited has had the message read by the kernel.
        let wants_nothing = matches!(result, EINTR | EAGAIN)
            && waits
            && unsafe {
                (*message).msg_iovlen == 0
                    || are_empty((*message).msg_iov, (*message).msg_iovlen as i32)
            };
        return if wants_nothing {
            nothing(operation, result)
        } else {
            result
        };
    }
    // SAFETY: filled by the successful call.
    unsafe {
        rights::adopt(&*message);
        if let Some(room) = room.filter(|_| result > 0) {
            return wait_all::fill(operation, message, room, result as usize, flags);
        }
    }
    result
}

/// `read(2)`.
///
/// # Safety
/// As for `read`.
#[inline]
pub unsafe fn read(me: &'static Thread, fd: i32, buffer: *mut c_void, length: usize) -> isize {
    let class = descriptor::get(fd).map(|entry| entry.class(fd));
    // A read of nothing from a socket returns at once, unlike a recv.
    if length > 0 && matches!(class, Some(Class::Tcp | Class::Socket)) {
        // SAFETY: as the caller promises.
        let result = unsafe { from(me, fd, buffer, length, 0, Source::NONE) };
        if result != ENOTSOCK {
            return result;
        }
    }
    let vector = iovec {
        iov_base: buffer,
        iov_len: length,
    };
    // SAFETY: as the caller promises.
    unsafe {
        let call = file::Call {
            number: libc::SYS_read,
            arguments: [fd as usize, buffer.addr(), length],
        };
        file::transfer(me, fd, class, Direction::Read, &raw const vector, 1, call)
    }
}

/// `readv(2)`.
///
/// # Safety
/// As for `readv`.
pub unsafe fn vector(me: &'static Thread, fd: i32, vectors: *const iovec, count: i32) -> isize {
    let class = descriptor::get(fd).map(|entry| entry.class(fd));
    // SAFETY: as the caller promises.
    unsafe {
        if let Some(mut header) = as_message(class, vectors, count) {
            let result = message(me, fd, &mut header, 0);
            if result != ENOTSOCK {
                return result;
            }
        }
        let call = file::Call {
            number: libc::SYS_readv,
            arguments: [fd as usize, vectors.addr(), count as usize],
        };
        file::transfer(me, fd, class, Direction::Read, vectors, count, call)
    }
}
