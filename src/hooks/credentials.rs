//! The process's credentials, which the kernel keeps per kernel thread.

use core::ffi::{c_char, c_int};

use libc::{gid_t, size_t, uid_t};

use super::symbol::check;
use crate::glibc::real::real;
use crate::sched::blocking;
use crate::signal::credentials;
use crate::sys::errno;
use crate::task::green_or_wired;

/// Hooks that have glibc tell every kernel thread.
macro_rules! broadcasts {
    ($($(#[$meta:meta])* fn $name:ident($($argument:ident: $type:ty),*);)*) => {
        $(
            $(#[$meta])*
            ///
            /// # Safety
            /// As libc's function of the same name.
            #[unsafe(no_mangle)]
            pub unsafe extern "C-unwind" fn $name($($argument: $type),*) -> c_int {
                let real = real!($name($($type),*));
                // SAFETY: as the caller promises.
                credentials::broadcast(|| unsafe { real($($argument),*) })
            }
            check!($name($($type),*));
        )*
    };
}

broadcasts! {
    /// `setuid(2)`.
    fn setuid(user: uid_t);
    /// `seteuid(2)`.
    fn seteuid(user: uid_t);
    /// `setreuid(2)`.
    fn setreuid(real_user: uid_t, effective: uid_t);
    /// `setresuid(2)`.
    fn setresuid(real_user: uid_t, effective: uid_t, saved: uid_t);
    /// `setgid(2)`.
    fn setgid(group: gid_t);
    /// `setegid(2)`.
    fn setegid(group: gid_t);
    /// `setregid(2)`.
    fn setregid(real_group: gid_t, effective: gid_t);
    /// `setresgid(2)`.
    fn setresgid(real_group: gid_t, effective: gid_t, saved: gid_t);
    /// `setgroups(2)`.
    fn setgroups(count: size_t, groups: *const gid_t);
}

/// The most groups that a process can be in (`NGROUPS_MAX`, Linux 2.6.4).
const MOST_GROUPS: usize = 65_536;

/// `initgroups(3)`: the groups of `user`, and `group`, by `getgrouplist` and
/// [`setgroups`].
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn initgroups(user: *const c_char, group: gid_t) -> c_int {
    if green_or_wired().is_none() {
        let real = real!(initgroups(_, _));
        // SAFETY: as the caller promises.
        return unsafe { real(user, group) };
    }
    let mut room = 64;
    loop {
        // SAFETY: a fresh allocation, freed below.
        let groups = unsafe { libc::malloc(room * size_of::<gid_t>()) }.cast::<gid_t>();
        if groups.is_null() {
            return -1;
        }
        let mut count = room as c_int;
        // SAFETY: as the caller promises; `groups` has room for `count`.
        let result =
            blocking::region(|| unsafe { libc::getgrouplist(user, group, groups, &mut count) });
        let fits = result >= 0;
        let result = if fits {
            // SAFETY: the first `count` are written.
            unsafe { setgroups(count as size_t, groups) }
        } else {
            -1
        };
        let error = errno::get();
        // SAFETY: allocated above.
        unsafe { libc::free(groups.cast()) };
        errno::set(error);
        if fits || room >= MOST_GROUPS {
            return result;
        }
        room = (count as usize).clamp(room * 2, MOST_GROUPS);
    }
}
check!(initgroups(_, _));
