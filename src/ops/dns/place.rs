//! Where a name service puts its results: memory of the caller's, which may be too small
//! (glibc, nss/nss.h).

use core::ffi::{c_char, c_int};
use core::net::IpAddr;

use libc::size_t;

use super::Failure;

// `enum nss_status` (<nss.h>).
const TRY_AGAIN: c_int = -2;
const UNAVAILABLE: c_int = -1;
const NOT_FOUND: c_int = 0;
const SUCCESS: c_int = 1;

/// `NETDB_INTERNAL` (<netdb.h>): see errno.
const INTERNAL: c_int = -1;

/// The caller's memory for a result, and where it gets to know why there is none.
pub struct Place {
    free: *mut u8,
    left: usize,
    error: *mut c_int,
    host_error: *mut c_int,
}

/// There is no room left.
pub struct Full;

impl Place {
    /// The `length` bytes at `buffer`, and where an errno and an `h_errno` go.
    ///
    /// # Safety
    /// All of it is writable as long as the place lives.
    pub unsafe fn new(
        buffer: *mut c_char,
        length: size_t,
        error: *mut c_int,
        host_error: *mut c_int,
    ) -> Self {
        Self {
            free: buffer.cast(),
            left: length,
            error,
            host_error,
        }
    }

    /// Room for `count` times `T`.
    pub fn take<T>(&mut self, count: usize) -> Result<*mut T, Full> {
        let gap = self.free.align_offset(align_of::<T>());
        let size = gap + count * size_of::<T>();
        if size > self.left {
            return Err(Full);
        }
        let taken = self.free.wrapping_add(gap);
        self.free = self.free.wrapping_add(size);
        self.left -= size;
        Ok(taken.cast())
    }

    /// A copy of `text` as a C string.
    pub fn text(&mut self, text: &str) -> Result<*mut c_char, Full> {
        let copy = self.take::<u8>(text.len() + 1)?;
        // SAFETY: fresh room for so many bytes.
        unsafe {
            copy.copy_from(text.as_ptr(), text.len());
            copy.add(text.len()).write(0);
        }
        Ok(copy.cast())
    }

    /// A copy of `address`, as aligned as old programs expect.
    pub fn address(&mut self, address: IpAddr) -> Result<*mut c_char, Full> {
        let (octets, length) = octets(address);
        let copy = self.take::<[u32; 4]>(1)?.cast::<u8>();
        // SAFETY: fresh room for sixteen bytes.
        unsafe { copy.copy_from(octets.as_ptr(), length) };
        Ok(copy.cast())
    }

    /// The name has no addresses.
    pub fn none(&self) -> c_int {
        self.tell(0, super::HOST_NOT_FOUND);
        NOT_FOUND
    }

    fn tell(&self, error: c_int, host_error: c_int) {
        // SAFETY: writable, see `new`.
        unsafe {
            if error != 0 {
                *self.error = error;
            }
            *self.host_error = host_error;
        }
    }

    /// The end of a lookup that has failed (`_nss_dns_gethostbyname3_r`).
    pub fn failed(&self, failure: Failure) -> c_int {
        let Failure { host_error, error } = failure;
        if matches!(error, libc::EMFILE | libc::ENFILE) {
            self.tell(0, INTERNAL);
            return UNAVAILABLE;
        }
        let is_passing = host_error == super::TRY_AGAIN;
        self.tell(if is_passing { libc::EAGAIN } else { 0 }, host_error);
        match error {
            libc::ECONNREFUSED | libc::ETIMEDOUT => UNAVAILABLE,
            _ => NOT_FOUND,
        }
    }

    /// The end of a lookup of an address that has failed (`_nss_dns_gethostbyaddr2_r`).
    pub fn has_no_name(&self, host_error: c_int) -> c_int {
        self.tell(0, host_error);
        NOT_FOUND
    }

    /// The end of one that has succeeded, if there was room.
    pub fn filled(&self, result: Result<(), Full>) -> c_int {
        match result {
            Ok(()) => {
                self.tell(0, 0);
                SUCCESS
            }
            Err(Full) => {
                self.tell(libc::ERANGE, INTERNAL);
                TRY_AGAIN
            }
        }
    }
}

/// The bytes of an address, and how many they are.
pub fn octets(address: IpAddr) -> ([u8; 16], usize) {
    match address {
        IpAddr::V4(address) => {
            let mut octets = [0; 16];
            octets[..4].copy_from_slice(&address.octets());
            (octets, 4)
        }
        IpAddr::V6(address) => (address.octets(), 16),
    }
}
