//! Questions to name servers, below name lookups. glibc 2.34 has given the functions names
//! without underscores; older programs have the others.

use core::ffi::{c_char, c_int, c_uchar, c_void};

use super::dns::lookup;
use crate::ops::lookup::Subject;

/// Functions of one type, as lookups of libc's function `of` that name.
macro_rules! questions {
    ($subject:ident; $($(#[$meta:meta])* fn $name:ident($($argument:ident: $type:ty),*) of $real:ident;)*) => {
        $($crate::hooks::export! {
            $(#[$meta])*
            unchecked fn $name($($argument: $type),*) -> c_int {
                lookup!(Subject::$subject; $real: unsafe extern "C-unwind" fn($($type),*) -> c_int => $($argument),*)
            }
        })*
    };
}

questions! {
    Other;
    /// See resolver(3).
    fn res_query(name: *const c_char, class: c_int, kind: c_int, answer: *mut c_uchar, length: c_int) of res_query;
    /// Alias of `res_query`.
    fn __res_query(name: *const c_char, class: c_int, kind: c_int, answer: *mut c_uchar, length: c_int) of res_query;
    /// See resolver(3).
    fn res_search(name: *const c_char, class: c_int, kind: c_int, answer: *mut c_uchar, length: c_int) of res_search;
    /// Alias of `res_search`.
    fn __res_search(name: *const c_char, class: c_int, kind: c_int, answer: *mut c_uchar, length: c_int) of res_search;
    /// See resolver(3).
    fn res_querydomain(name: *const c_char, domain: *const c_char, class: c_int, kind: c_int, answer: *mut c_uchar, length: c_int) of res_querydomain;
    /// Alias of `res_querydomain`.
    fn __res_querydomain(name: *const c_char, domain: *const c_char, class: c_int, kind: c_int, answer: *mut c_uchar, length: c_int) of res_querydomain;
    /// See resolver(3).
    fn res_send(message: *const c_uchar, size: c_int, answer: *mut c_uchar, length: c_int) of res_send;
    /// Alias of `res_send`.
    fn __res_send(message: *const c_uchar, size: c_int, answer: *mut c_uchar, length: c_int) of res_send;
}

questions! {
    OtherState;
    /// See resolver(3).
    fn res_nquery(state: *mut c_void, name: *const c_char, class: c_int, kind: c_int, answer: *mut c_uchar, length: c_int) of res_nquery;
    /// Alias of `res_nquery`.
    fn __res_nquery(state: *mut c_void, name: *const c_char, class: c_int, kind: c_int, answer: *mut c_uchar, length: c_int) of res_nquery;
    /// See resolver(3).
    fn res_nsearch(state: *mut c_void, name: *const c_char, class: c_int, kind: c_int, answer: *mut c_uchar, length: c_int) of res_nsearch;
    /// Alias of `res_nsearch`.
    fn __res_nsearch(state: *mut c_void, name: *const c_char, class: c_int, kind: c_int, answer: *mut c_uchar, length: c_int) of res_nsearch;
    /// See resolver(3).
    fn res_nquerydomain(state: *mut c_void, name: *const c_char, domain: *const c_char, class: c_int, kind: c_int, answer: *mut c_uchar, length: c_int) of res_nquerydomain;
    /// Alias of `res_nquerydomain`.
    fn __res_nquerydomain(state: *mut c_void, name: *const c_char, domain: *const c_char, class: c_int, kind: c_int, answer: *mut c_uchar, length: c_int) of res_nquerydomain;
    /// See resolver(3).
    fn res_nsend(state: *mut c_void, message: *const c_uchar, size: c_int, answer: *mut c_uchar, length: c_int) of res_nsend;
    /// Alias of `res_nsend`.
    fn __res_nsend(state: *mut c_void, message: *const c_uchar, size: c_int, answer: *mut c_uchar, length: c_int) of res_nsend;
}
