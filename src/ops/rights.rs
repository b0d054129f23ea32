//! What goes with messages (unix(7)): descriptors, `SCM_RIGHTS`, and who sends them, `SCM_CREDENTIALS`.

use core::cell::Cell;
use core::ffi::c_void;
use core::ptr;

use libc::{cmsghdr, mmsghdr, msghdr};

use super::lives;

/// Those that came with `message` begin their lives here.
///
/// # Safety
/// A message that recvmsg has filled.
pub unsafe fn adopt(message: &msghdr) {
    // SAFETY: as the caller promises.
    unsafe { each(message, lives::adopt) };
}

/// Whoever gets those that go with `message` may change their files' flags.
///
/// # Safety
/// The message is valid.
pub unsafe fn share(message: &msghdr) {
    // SAFETY: as the caller promises.
    unsafe { each(message, lives::share) };
}

/// [`adopt`] for the first `count` of `messages`; for none if that is an error.
///
/// # Safety
/// Messages that recvmmsg has filled.
pub unsafe fn adopt_all(messages: *const mmsghdr, count: isize) {
    for index in 0..count.max(0) as usize {
        // SAFETY: as the caller promises.
        unsafe { adopt(&(*messages.add(index)).msg_hdr) };
    }
}

/// [`share`] likewise.
///
/// # Safety
/// The messages are valid.
pub unsafe fn share_all(messages: *const mmsghdr, count: isize) {
    for index in 0..count.max(0) as usize {
        // SAFETY: as the caller promises.
        unsafe { share(&(*messages.add(index)).msg_hdr) };
    }
}

/// Whether any came with `message`.
///
/// # Safety
/// As for [`adopt`].
pub unsafe fn have_come(message: &msghdr) -> bool {
    let any = Cell::new(false);
    // SAFETY: as the caller promises.
    unsafe { each(message, |_| any.set(true)) };
    any.get()
}

/// Who sends `message`, if it says so: that as control data of its own.
///
/// # Safety
/// The message is valid.
pub unsafe fn sender(message: &msghdr) -> (*mut c_void, usize) {
    let found = Cell::new((ptr::null_mut(), 0));
    // SAFETY: as the caller promises.
    unsafe {
        each_of(message, libc::SCM_CREDENTIALS, |header| {
            found.set((header.cast_mut().cast(), (*header).cmsg_len));
        });
    }
    found.get()
}

/// Calls `act` for each descriptor.
///
/// # Safety
/// The message is valid.
unsafe fn each(message: &msghdr, act: impl Fn(i32)) {
    // SAFETY: as the caller promises; what a header says of its length is true.
    unsafe {
        each_of(message, libc::SCM_RIGHTS, |header| {
            let data = libc::CMSG_DATA(header).cast::<i32>();
            let bytes = (*header).cmsg_len - (data.addr() - header.addr());
            for index in 0..bytes / size_of::<i32>() {
                act(data.add(index).read_unaligned());
            }
        });
    }
}

/// Calls `act` for the header of each piece of control data of that kind.
///
/// # Safety
/// The message is valid.
unsafe fn each_of(message: &msghdr, kind: i32, act: impl Fn(*const cmsghdr)) {
    // SAFETY: as the caller promises; the macros' functions stay within it.
    unsafe {
        let mut header = libc::CMSG_FIRSTHDR(message);
        while !header.is_null() {
            if (*header).cmsg_level == libc::SOL_SOCKET && (*header).cmsg_type == kind {
                act(header);
            }
            header = libc::CMSG_NXTHDR(message, header);
        }
    }
}
