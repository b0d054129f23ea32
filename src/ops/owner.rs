//! Who is signalled about a file: `F_SETOWN_EX` and its kin of fcntl(2).

use core::ffi::c_int;

use crate::sys::raw::syscall;
use crate::task::arguments;
use crate::thread::signalled;

// <fcntl.h>; the libc crate lacks them.
/// Says who.
pub const F_SETOWN_EX: c_int = 15;
/// Asks.
pub const F_GETOWN_EX: c_int = 16;
const F_OWNER_TID: c_int = 0;

/// The kernel's `struct f_owner_ex`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Owner {
    kind: c_int,
    id: i32,
}

/// `F_SETOWN_EX` with the `struct f_owner_ex` at `argument`: a thread that it names has the
/// [id](signalled::kernel_id) of its kernel thread. The kernel's result.
pub fn set(fd: c_int, argument: usize) -> isize {
    let kernel = |place: usize| {
        // SAFETY: the kernel refuses bad addresses.
        unsafe { syscall!(SYS_fcntl, fd, F_SETOWN_EX, place) }
    };
    if !arguments::are_readable(argument, size_of::<Owner>()) {
        return kernel(argument);
    }
    // SAFETY: just seen; integers.
    let mut owner = unsafe { (argument as *const Owner).read_unaligned() };
    if owner.kind != F_OWNER_TID {
        return kernel(argument);
    }
    owner.id = signalled::kernel_id(owner.id);
    kernel((&raw const owner).addr())
}

/// What `F_GETOWN` has found for `fd`, an id if it is positive: as the program calls that.
pub fn known(fd: c_int, found: isize) -> isize {
    let mut owner = Owner { kind: 0, id: 0 };
    if found > 0 && get(fd, (&raw mut owner).addr()) >= 0 && owner.kind == F_OWNER_TID {
        return owner.id as isize;
    }
    found
}

/// `F_GETOWN_EX` to `argument`. The kernel's result.
pub fn get(fd: c_int, argument: usize) -> isize {
    // SAFETY: the kernel refuses bad addresses.
    let result = unsafe { syscall!(SYS_fcntl, fd, F_GETOWN_EX, argument) };
    if result >= 0 {
        let place = argument as *mut Owner;
        // SAFETY: the kernel has written it.
        unsafe {
            let mut owner = place.read_unaligned();
            if owner.kind == F_OWNER_TID {
                owner.id = signalled::known_id(owner.id);
                place.write_unaligned(owner);
            }
        }
    }
    result
}
