//! Name lookups. Numeric addresses need none.

use core::ffi::{c_char, c_int, c_void};
use core::mem::MaybeUninit;

use libc::{addrinfo, hostent, size_t, sockaddr, socklen_t};

use super::symbol::check;
use crate::glibc::real::real;
use crate::ops::hosts;
use crate::ops::lookup::Subject;
use crate::task::green;

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

/// `lookup!(subject; name(_, _) => arguments)`: the real function as a lookup.
macro_rules! lookup {
    ($subject:expr; $name:ident($($type:tt),*) => $($argument:expr),*) => {{
        let real = $crate::glibc::real::real!($name($($type),*));
        // SAFETY: as the caller promises.
        $crate::ops::lookup::run($subject, || unsafe { real($($argument),*) })
    }};
}
pub(super) use lookup;

/// Hooks that are nothing but the real function as a lookup of that subject.
macro_rules! lookups {
    ($subject:expr; $(
        $(#[$meta:meta])*
        fn $name:ident($($argument:ident: $type:ty),* $(,)?) -> $result:ty;
    )*) => {$(
        $(#[$meta])*
        ///
        /// # Safety
        /// As libc's function of the same name.
        #[unsafe(no_mangle)]
        pub unsafe extern "C-unwind" fn $name($($argument: $type),*) -> $result {
            $crate::hooks::dns::lookup!($subject; $name($($type),*) => $($argument),*)
        }
    )*};
}
pub(super) use lookups;

/// `getaddrinfo(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn getaddrinfo(
    node: *const c_char,
    service: *const c_char,
    hints: *const addrinfo,
    results: *mut *mut addrinfo,
) -> c_int {
    // SAFETY: as the caller promises.
    let numeric_only =
        unsafe { hints.as_ref() }.is_some_and(|hints| hints.ai_flags & libc::AI_NUMERICHOST != 0);
    // SAFETY: as the caller promises.
    if numeric_only || unsafe { is_numeric(node) } {
        let real = real!(getaddrinfo(_, _, _, _));
        // SAFETY: as the caller promises.
        return unsafe { real(node, service, hints, results) };
    }
    lookup!(Subject::Host; getaddrinfo(_, _, _, _) => node, service, hints, results)
}
check!(getaddrinfo(_, _, _, _));

/// `getnameinfo(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn getnameinfo(
    address: *const sockaddr,
    length: socklen_t,
    host: *mut c_char,
    host_length: socklen_t,
    service: *mut c_char,
    service_length: socklen_t,
    flags: c_int,
) -> c_int {
    if flags & libc::NI_NUMERICHOST != 0 || host.is_null() {
        let real = real!(getnameinfo(_, _, _, _, _, _, _));
        // SAFETY: as the caller promises.
        return unsafe {
            real(
                address,
                length,
                host,
                host_length,
                service,
                service_length,
                flags,
            )
        };
    }
    // libc looks up which domain is the host's own, once for all, under a lock.
    let subject = match flags & libc::NI_NOFQDN {
        0 => Subject::Host,
        _ => Subject::HostUnderLock,
    };
    lookup!(subject; getnameinfo(_, _, _, _, _, _, _) => address, length, host, host_length, service, service_length, flags)
}
check!(getnameinfo(_, _, _, _, _, _, _));

/// `gethostbyname(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn gethostbyname(name: *const c_char) -> *mut hostent {
    if green().is_none() {
        let real = real!(gethostbyname(_));
        // SAFETY: as the caller promises.
        return unsafe { real(name) };
    }
    let find = real!(gethostbyname_r(_, _, _, _, _, _));
    // SAFETY: as the caller promises.
    unsafe {
        hosts::look_up(&hosts::BY_NAME, |(entry, buffer, length, result, error)| {
            find(name, entry, buffer, length, result, error)
        })
    }
}

/// `gethostbyname2(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn gethostbyname2(name: *const c_char, family: c_int) -> *mut hostent {
    if green().is_none() {
        let real = real!(gethostbyname2(_, _));
        // SAFETY: as the caller promises.
        return unsafe { real(name, family) };
    }
    let find = real!(gethostbyname2_r(_, _, _, _, _, _, _));
    let kept = &hosts::BY_NAME_OF_FAMILY;
    // SAFETY: as the caller promises.
    unsafe {
        hosts::look_up(kept, |(entry, buffer, length, result, error)| {
            find(name, family, entry, buffer, length, result, error)
        })
    }
}

/// `gethostbyaddr(3)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn gethostbyaddr(
    address: *const c_void,
    size: socklen_t,
    family: c_int,
) -> *mut hostent {
    if green().is_none() {
        let real = real!(gethostbyaddr(_, _, _));
        // SAFETY: as the caller promises.
        return unsafe { real(address, size, family) };
    }
    let find = real!(gethostbyaddr_r(_, _, _, _, _, _, _, _));
    let kept = &hosts::BY_ADDRESS;
    // SAFETY: as the caller promises.
    unsafe {
        hosts::look_up(kept, |(entry, buffer, length, result, error)| {
            find(address, size, family, entry, buffer, length, result, error)
        })
    }
}

lookups! {
    Subject::Host;
    /// `gethostbyname_r(3)`.
    fn gethostbyname_r(
        name: *const c_char,
        entry: *mut hostent,
        buffer: *mut c_char,
        length: size_t,
        result: *mut *mut hostent,
        error: *mut c_int,
    ) -> c_int;
    /// `gethostbyname2_r(3)`.
    fn gethostbyname2_r(
        name: *const c_char,
        family: c_int,
        entry: *mut hostent,
        buffer: *mut c_char,
        length: size_t,
        result: *mut *mut hostent,
        error: *mut c_int,
    ) -> c_int;
    /// `gethostbyaddr_r(3)`.
    fn gethostbyaddr_r(
        address: *const c_void,
        address_length: socklen_t,
        family: c_int,
        entry: *mut hostent,
        buffer: *mut c_char,
        length: size_t,
        result: *mut *mut hostent,
        error: *mut c_int,
    ) -> c_int;
}
