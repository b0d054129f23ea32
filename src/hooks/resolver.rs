//! Questions to name servers, below name lookups. glibc 2.34 has given the functions names
//! without underscores; older programs have the others.

use core::ffi::{c_char, c_int, c_uchar, c_void};

use super::dns::lookups;
use super::symbol::alias;
use crate::ops::lookup::Subject;

lookups! {
    Subject::Other;
    /// See resolver(3).
    fn res_query(
        name: *const c_char,
        class: c_int,
        kind: c_int,
        answer: *mut c_uchar,
        length: c_int,
    ) -> c_int;
    /// See resolver(3).
    fn res_search(
        name: *const c_char,
        class: c_int,
        kind: c_int,
        answer: *mut c_uchar,
        length: c_int,
    ) -> c_int;
    /// See resolver(3).
    fn res_querydomain(
        name: *const c_char,
        domain: *const c_char,
        class: c_int,
        kind: c_int,
        answer: *mut c_uchar,
        length: c_int,
    ) -> c_int;
    /// See resolver(3).
    fn res_send(message: *const c_uchar, size: c_int, answer: *mut c_uchar, length: c_int) -> c_int;
}

lookups! {
    Subject::With(state);
    /// See resolver(3).
    fn res_nquery(
        state: *mut c_void,
        name: *const c_char,
        class: c_int,
        kind: c_int,
        answer: *mut c_uchar,
        length: c_int,
    ) -> c_int;
    /// See resolver(3).
    fn res_nsearch(
        state: *mut c_void,
        name: *const c_char,
        class: c_int,
        kind: c_int,
        answer: *mut c_uchar,
        length: c_int,
    ) -> c_int;
    /// See resolver(3).
    fn res_nquerydomain(
        state: *mut c_void,
        name: *const c_char,
        domain: *const c_char,
        class: c_int,
        kind: c_int,
        answer: *mut c_uchar,
        length: c_int,
    ) -> c_int;
    /// See resolver(3).
    fn res_nsend(
        state: *mut c_void,
        message: *const c_uchar,
        size: c_int,
        answer: *mut c_uchar,
        length: c_int,
    ) -> c_int;
}

alias!(__res_query = res_query);
alias!(__res_nquery = res_nquery);
alias!(__res_search = res_search);
alias!(__res_nsearch = res_nsearch);
alias!(__res_querydomain = res_querydomain);
alias!(__res_nquerydomain = res_nquerydomain);
alias!(__res_send = res_send);
alias!(__res_nsend = res_nsend);
