//! Whether the kernel would run a binary in secure-execution mode, in which
//! ld.so ignores `LD_PRELOAD`: `AT_SECURE` of getauxval(3).

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::sys::prctl;
use nix::sys::stat::FileStat;
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::{getegid, geteuid, getgid, getuid};

/// What sets the program's privileges apart from its caller's.
pub enum Elevation {
    /// Its user or group would not be the caller's real one.
    Identity,
    /// The file carries capabilities.
    Capabilities,
}

/// What makes executing this binary secure, if anything.
pub fn elevation(path: &Path, file: &FileStat) -> Option<Elevation> {
    let nosuid = statvfs(path).is_ok_and(|fs| fs.flags().contains(FsFlags::ST_NOSUID));
    let bits_count = !nosuid && !prctl::get_no_new_privs().unwrap_or(false);

    let set_user = bits_count && file.st_mode & libc::S_ISUID != 0;
    // Without the group's execute bit, set-group-ID once meant mandatory locking.
    let group_bits = libc::S_ISGID | libc::S_IXGRP;
    let set_group = bits_count && file.st_mode & group_bits == group_bits;

    let user = if set_user {
        file.st_uid
    } else {
        geteuid().as_raw()
    };
    let group = if set_group {
        file.st_gid
    } else {
        getegid().as_raw()
    };
    if user != getuid().as_raw() || group != getgid().as_raw() {
        return Some(Elevation::Identity);
    }
    // Root has every capability already.
    if !nosuid && !getuid().is_root() && has_capabilities(path) {
        return Some(Elevation::Capabilities);
    }
    None
}

fn has_capabilities(path: &Path) -> bool {
    let Ok(path) = CString::new(path.as_os_str().as_bytes()) else {
        return false;
    };
    // SAFETY: both strings are NUL-terminated, and with size 0 nothing is
    // written to the value.
    let size = unsafe {
        libc::getxattr(
            path.as_ptr(),
            c"security.capability".as_ptr(),
            std::ptr::null_mut(),
            0,
        )
    };
    size > 0
}
