//! The name service `green`, which glibc asks for hosts in the place of its own `dns`
//! (`glibc/name_service.rs`). Functions and results are those that it expects of any
//! service (<nss.h>; glibc, nss/nss.h).

use core::ffi::{c_char, c_int, c_void};
use core::ptr::null_mut;

use libc::{hostent, size_t, socklen_t};

use crate::glibc::real::real;
use crate::ops::dns::service::{AddressTuple, by_address, by_family, of_all_families};
use crate::ops::dns::{Beyond, Place};
use crate::ops::lookup;

/// Functions of the service. `=> answer` gives the result, unless the question is not a green
/// thread's or goes [beyond](Beyond) the hub's resolver: then, and where there is none, libc's
/// function for `dns` is asked.
macro_rules! functions {
    ($(
        $(#[$meta:meta])*
        fn $name:ident($($argument:ident: $type:ty),* $(,)?) or $libcs:ident $(=> $answer:expr)?;
    )*) => {$(
        $(#[$meta])*
        ///
        /// # Safety
        /// As glibc calls a service's function of that name.
        #[unsafe(no_mangle)]
        pub unsafe extern "C-unwind" fn $name($($argument: $type),*) -> c_int {
            $(
                // SAFETY: as glibc calls it.
                match unsafe { $answer } {
                    Ok(status) => return status,
                    Err(Beyond) => {}
                }
            )?
            let real = real!($libcs: unsafe extern "C-unwind" fn($($type),*) -> c_int);
            // SAFETY: as glibc calls it.
            lookup::by_libc(|| unsafe { real($($argument),*) })
        }
    )*};
}

functions! {
    /// For `getaddrinfo` of all families.
    fn _nss_green_gethostbyname4_r(
        name: *const c_char,
        tuples: *mut *mut AddressTuple,
        buffer: *mut c_char,
        length: size_t,
        error: *mut c_int,
        host_error: *mut c_int,
        time_to_live: *mut i32,
    ) or _nss_dns_gethostbyname4_r
        => of_all_families(name, tuples, Place::new(buffer, length, error, host_error), time_to_live);

    /// For `getaddrinfo` of one family.
    fn _nss_green_gethostbyname3_r(
        name: *const c_char,
        family: c_int,
        entry: *mut hostent,
        buffer: *mut c_char,
        length: size_t,
        error: *mut c_int,
        host_error: *mut c_int,
        time_to_live: *mut i32,
        canonical: *mut *mut c_char,
    ) or _nss_dns_gethostbyname3_r
        => by_family(
            name,
            family,
            entry,
            Place::new(buffer, length, error, host_error),
            time_to_live,
            canonical,
        );

    /// For `gethostbyname2`.
    fn _nss_green_gethostbyname2_r(
        name: *const c_char,
        family: c_int,
        entry: *mut hostent,
        buffer: *mut c_char,
        length: size_t,
        error: *mut c_int,
        host_error: *mut c_int,
    ) or _nss_dns_gethostbyname2_r
        => by_family(
            name,
            family,
            entry,
            Place::new(buffer, length, error, host_error),
            null_mut(),
            null_mut(),
        );

    /// For `gethostbyname`.
    fn _nss_green_gethostbyname_r(
        name: *const c_char,
        entry: *mut hostent,
        buffer: *mut c_char,
        length: size_t,
        error: *mut c_int,
        host_error: *mut c_int,
    ) or _nss_dns_gethostbyname_r
        => by_family(
            name,
            libc::AF_INET,
            entry,
            Place::new(buffer, length, error, host_error),
            null_mut(),
            null_mut(),
        );

    /// For `AI_CANONNAME`.
    fn _nss_green_getcanonname_r(
        name: *const c_char,
        buffer: *mut c_char,
        length: size_t,
        result: *mut *mut c_char,
        error: *mut c_int,
        host_error: *mut c_int,
    ) or _nss_dns_getcanonname_r;

    /// For `getnameinfo`.
    fn _nss_green_gethostbyaddr2_r(
        address: *const c_void,
        address_length: socklen_t,
        family: c_int,
        entry: *mut hostent,
        buffer: *mut c_char,
        length: size_t,
        error: *mut c_int,
        host_error: *mut c_int,
        time_to_live: *mut i32,
    ) or _nss_dns_gethostbyaddr2_r
        => by_address(
            address,
            address_length,
            family,
            entry,
            Place::new(buffer, length, error, host_error),
            time_to_live,
        );

    /// For `gethostbyaddr`.
    fn _nss_green_gethostbyaddr_r(
        address: *const c_void,
        address_length: socklen_t,
        family: c_int,
        entry: *mut hostent,
        buffer: *mut c_char,
        length: size_t,
        error: *mut c_int,
        host_error: *mut c_int,
    ) or _nss_dns_gethostbyaddr_r
        => by_address(
            address,
            address_length,
            family,
            entry,
            Place::new(buffer, length, error, host_error),
            null_mut(),
        );
}
