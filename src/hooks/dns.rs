//! Name lookups. Numeric addresses need none.

use core::ffi::{c_char, c_int, c_void};
use core::mem::MaybeUninit;

use libc::{addrinfo, hostent, size_t, sockaddr, socklen_t};

use crate::glibc::real::real;
use crate::ops::lookup::Subject;

/// Whether `name` is an address in numbers (or absent).
///
/// # Safety
/// `name` is null or a C string.
unsafe fn is_numeric(name: *const c_char) -> bool {
    unsafe extern "C" {
        fn inet_pton(family: c_int, text: *const c_char, address: *mut c_void) -> c_int;
    }
    if name.is_null() {
        return true;
    }
    let mut address = MaybeUninit::<[u8; 16]>::uninit();
    // SAFETY: as the caller promises; 16 bytes suffice for both.
    unsafe {
        [libc::AF_INET, libc::AF_INET6]
            .into_iter()
            .any(|family| inet_pton(family, name, address.as_mut_ptr().cast()) == 1)
    }
}

/// `lookup!(subject; name: type => arguments)`: the real function as a lookup, of a host if
/// there is no subject.
macro_rules! lookup {
    ($name:ident: $type:ty => $($argument:expr),*) => {
        lookup!($crate::ops::lookup::Subject::Host; $name: $type => $($argument),*)
    };
    ($subject:expr; $name:ident: $type:ty => $($argument:expr),*) => {{
        let real = $crate::glibc::real::real!($name: $type);
        // SAFETY: as the caller promises.
        $crate::ops::lookup::run($subject, || unsafe { real($($argument),*) })
    }};
}
pub(super) use lookup;

export! {
    /// `getaddrinfo(3)`.
    fn getaddrinfo(
        node: *const c_char,
        service: *const c_char,
        hints: *const addrinfo,
        results: *mut *mut addrinfo,
    ) -> c_int {
        type Real = unsafe extern "C-unwind" fn(
            *const c_char, *const c_char, *const addrinfo, *mut *mut addrinfo,
        ) -> c_int;
        // SAFETY: as the caller promises.
        let numeric_only = unsafe { hints.as_ref() }.is_some_and(|hints| hints.ai_flags & libc::AI_NUMERICHOST != 0);
        // SAFETY: as the caller promises.
        if numeric_only || unsafe { is_numeric(node) } {
            let real = real!(getaddrinfo: Real);
            // SAFETY: as the caller promises.
            return unsafe { real(node, service, hints, results) };
        }
        lookup!(getaddrinfo: Real => node, service, hints, results)
    }

    /// `getnameinfo(3)`.
    fn getnameinfo(
        address: *const sockaddr,
        length: socklen_t,
        host: *mut c_char,
        host_length: socklen_t,
        service: *mut c_char,
        service_length: socklen_t,
        flags: c_int,
    ) -> c_int {
        type Real = unsafe extern "C-unwind" fn(
            *const sockaddr, socklen_t, *mut c_char, socklen_t, *mut c_char, socklen_t, c_int,
        ) -> c_int;
        if flags & libc::NI_NUMERICHOST != 0 || host.is_null() {
            let real = real!(getnameinfo: Real);
            // SAFETY: as the caller promises.
            return unsafe { real(address, length, host, host_length, service, service_length, flags) };
        }
        lookup!(Subject::HostUnderLock; getnameinfo: Real => address, length, host, host_length, service, service_length, flags)
    }

    /// `gethostbyname(3)`.
    unchecked fn gethostbyname(name: *const c_char) -> *mut hostent {
        lookup!(Subject::HostUnderLock; gethostbyname: unsafe extern "C-unwind" fn(*const c_char) -> *mut hostent => name)
    }

    /// `gethostbyname2(3)`.
    unchecked fn gethostbyname2(name: *const c_char, family: c_int) -> *mut hostent {
        lookup!(Subject::HostUnderLock; gethostbyname2: unsafe extern "C-unwind" fn(*const c_char, c_int) -> *mut hostent => name, family)
    }

    /// `gethostbyaddr(3)`.
    unchecked fn gethostbyaddr(address: *const c_void, length: socklen_t, family: c_int) -> *mut hostent {
        type Real = unsafe extern "C-unwind" fn(*const c_void, socklen_t, c_int) -> *mut hostent;
        lookup!(Subject::HostUnderLock; gethostbyaddr: Real => address, length, family)
    }

    /// `gethostbyname_r(3)`.
    unchecked fn gethostbyname_r(
        name: *const c_char,
        entry: *mut hostent,
        buffer: *mut c_char,
        length: size_t,
        result: *mut *mut hostent,
        error: *mut c_int,
    ) -> c_int {
        type Real = unsafe extern "C-unwind" fn(
            *const c_char, *mut hostent, *mut c_char, size_t, *mut *mut hostent, *mut c_int,
        ) -> c_int;
        lookup!(gethostbyname_r: Real => name, entry, buffer, length, result, error)
    }

    /// `gethostbyname2_r(3)`.
    unchecked fn gethostbyname2_r(
        name: *const c_char,
        family: c_int,
        entry: *mut hostent,
        buffer: *mut c_char,
        length: size_t,
        result: *mut *mut hostent,
        error: *mut c_int,
    ) -> c_int {
        type Real = unsafe extern "C-unwind" fn(
            *const c_char, c_int, *mut hostent, *mut c_char, size_t, *mut *mut hostent, *mut c_int,
        ) -> c_int;
        lookup!(gethostbyname2_r: Real => name, family, entry, buffer, length, result, error)
    }

    /// `gethostbyaddr_r(3)`.
    unchecked fn gethostbyaddr_r(
        address: *const c_void,
        address_length: socklen_t,
        family: c_int,
        entry: *mut hostent,
        buffer: *mut c_char,
        length: size_t,
        result: *mut *mut hostent,
        error: *mut c_int,
    ) -> c_int {
        type Real = unsafe extern "C-unwind" fn(
            *const c_void, socklen_t, c_int, *mut hostent, *mut c_char, size_t, *mut *mut hostent, *mut c_int,
        ) -> c_int;
        lookup!(gethostbyaddr_r: Real => address, address_length, family, entry, buffer, length, result, error)
    }
}
