//! What `gethostbyname` and its kin return: a host in static memory, where the next call of the same function
//! puts another one.
//!
//! libc's own have a lock for as long as they look up. A thread that is cancelled meanwhile would leave it
//! taken, and all later calls would wait for ever. So those with `_r` look up, in memory of the call's own, and
//! what they have found is copied.

use core::cell::Cell;
use core::ffi::{c_char, c_int, c_void};
use core::mem;
use core::ptr;
use core::sync::atomic::{Ordering, compiler_fence};

use libc::{hostent, size_t};

use super::lookup::{self, Subject};
use crate::glibc::cleanup;
use crate::sys::errno;
use crate::sys::in_child::in_child;
use crate::task::lock::Locked;
use crate::task::{Critical, rank};

/// <netdb.h>: the libc crate lacks it.
const NETDB_INTERNAL: c_int = -1;

/// What a function has found last.
pub struct Kept(Locked<Memory, { rank::HOSTS }>);

struct Memory {
    entry: hostent,
    bytes: *mut u8,
    /// Of these bytes, at most.
    size: usize,
}

/// By `gethostbyname`.
pub static BY_NAME: Kept = Kept::new();
/// By `gethostbyname2`.
pub static BY_NAME_OF_FAMILY: Kept = Kept::new();
/// By `gethostbyaddr`.
pub static BY_ADDRESS: Kept = Kept::new();

/// A forked child keeps what was found.
///
/// # Safety
/// The caller is the process's only thread.
unsafe fn reset() {
    for kept in [&BY_NAME, &BY_NAME_OF_FAMILY, &BY_ADDRESS] {
        if !kept.0.is_idle() {
            // SAFETY: as the caller promises.
            unsafe { kept.0.mend(|_| {}) };
        }
    }
}

in_child!(reset);

unsafe extern "C" {
    fn __h_errno_location() -> *mut c_int;
}

impl Memory {
    /// A copy of `found`, whose strings and lists are in the `size` bytes at `from`, which there is room for.
    ///
    /// # Safety
    /// As said.
    unsafe fn fill(&mut self, found: &hostent, from: *const u8, size: usize) -> *mut hostent {
        let bytes = self.bytes;
        let is_there = |place: usize| (from.addr()..from.addr() + size).contains(&place);
        let moved = |text: *mut c_char| match is_there(text.addr()) {
            true => bytes.wrapping_add(text.addr() - from.addr()).cast(),
            false => text,
        };
        let moved_list = |list: *mut *mut c_char| {
            if !is_there(list.addr()) {
                return list;
            }
            let list: *mut *mut c_char = moved(list.cast()).cast();
            let mut next = list;
            // SAFETY: as the caller promises: up to a null pointer, in the copy.
            unsafe {
                while !(*next).is_null() {
                    *next = moved(*next);
                    next = next.add(1);
                }
            }
            list
        };
        // SAFETY: as the caller promises.
        unsafe { bytes.copy_from_nonoverlapping(from, size) };
        self.entry = hostent {
            h_name: moved(found.h_name),
            h_aliases: moved_list(found.h_aliases),
            h_addr_list: moved_list(found.h_addr_list),
            ..*found
        };
        &raw mut self.entry
    }
}

impl Kept {
    const fn new() -> Self {
        let entry = hostent {
            h_name: ptr::null_mut(),
            h_aliases: ptr::null_mut(),
            h_addrtype: 0,
            h_length: 0,
            h_addr_list: ptr::null_mut(),
        };
        Self(Locked::new(Memory {
            entry,
            bytes: ptr::null_mut(),
            size: 0,
        }))
    }

    /// Copies `found`, see [`Memory::fill`]; null if there is no memory.
    ///
    /// # Safety
    /// As for that.
    unsafe fn keep(&self, found: &hostent, from: *const u8, size: usize) -> *mut hostent {
        let mut spare: *mut u8 = ptr::null_mut();
        loop {
            let kept = {
                let _critical = Critical::enter();
                self.0.with(|memory| {
                    if memory.size < size {
                        if spare.is_null() {
                            return None;
                        }
                        mem::swap(&mut memory.bytes, &mut spare);
                        // In this order: a child may be forked in between.
                        compiler_fence(Ordering::Release);
                        memory.size = size;
                    }
                    // SAFETY: as the caller promises; there is room.
                    Some(unsafe { memory.fill(found, from, size) })
                })
            };
            if let Some(entry) = kept {
                // SAFETY: null, or memory that nobody else has. As in libc, what an earlier call has
                // returned may be there.
                unsafe { libc::free(spare.cast()) };
                return entry;
            }
            // SAFETY: plain arguments.
            spare = unsafe { libc::malloc(size) }.cast();
            if spare.is_null() {
                return ptr::null_mut();
            }
        }
    }
}

/// The arguments of a function with `_r` from the entry on.
pub type Place = (
    *mut hostent,
    *mut c_char,
    size_t,
    *mut *mut hostent,
    *mut c_int,
);

/// What `find`, the function with `_r`, finds, to be `kept`; or null, with `h_errno` set (glibc,
/// nss/getXXbyYY.c).
///
/// # Safety
/// `find` writes to the place that it is given.
pub unsafe fn look_up(kept: &Kept, find: impl Fn(Place) -> c_int) -> *mut hostent {
    let grown = Cell::new(ptr::null_mut());
    // SAFETY: null, or the call's own.
    let free = || unsafe { libc::free(grown.get()) };
    lookup::run(Subject::Host, || {
        // SAFETY: as the caller promises.
        let result = cleanup::guarded(free, || unsafe { search(kept, &find, &grown) });
        free();
        result
    })
}

/// [`look_up`] with memory of the call's own, which is in `grown` if the usual does not suffice.
unsafe fn search(
    kept: &Kept,
    find: &impl Fn(Place) -> c_int,
    grown: &Cell<*mut c_void>,
) -> *mut hostent {
    const USUAL: usize = 1024;
    let mut usual = [0u64; USUAL / 8];
    let mut size = USUAL;
    loop {
        let buffer: *mut u8 = match grown.get() {
            memory if memory.is_null() => usual.as_mut_ptr().cast(),
            memory => memory.cast(),
        };
        // SAFETY: all zeros is an entry.
        let mut entry: hostent = unsafe { mem::zeroed() };
        let (mut result, mut host_error) = (ptr::null_mut(), 0);
        let place = (
            &raw mut entry,
            buffer.cast(),
            size,
            &raw mut result,
            &raw mut host_error,
        );
        let status = find(place);
        if status == libc::ERANGE && host_error == NETDB_INTERNAL {
            size *= 2;
            // SAFETY: the call's own, which nothing is kept in.
            unsafe { libc::free(grown.replace(ptr::null_mut())) };
            // SAFETY: plain arguments.
            grown.set(unsafe { libc::calloc(size, 1) });
            if !grown.get().is_null() {
                continue;
            }
            errno::set(libc::ENOMEM);
        }
        if host_error != 0 {
            // SAFETY: the calling thread's own.
            unsafe { *__h_errno_location() = host_error };
        }
        if result.is_null() {
            return result;
        }
        // SAFETY: what was found is in the buffer.
        return unsafe { kept.keep(&entry, buffer, size) };
    }
}
