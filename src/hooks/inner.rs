//! What libc's own callers come to instead of the functions that programs call.

use core::ffi::{c_char, c_int, c_void};
use core::sync::atomic::AtomicU32;

use libc::{
    mode_t, nfds_t, pid_t, pollfd, pthread_mutex_t, sigset_t, size_t, sockaddr, socklen_t, ssize_t,
};

use super::async_waits;
use super::descriptors::open_file;
use super::mutex;
use super::signal_masks::{change_mask, change_natively};
use super::thread_ids;
use crate::arch::caller::caller_frame;
use crate::glibc::real::real;
use crate::glibc::{objects, patch};
use crate::ops::lookup;
use crate::sched::lend;
use crate::sync::mutex::Mutex;
use crate::sync::{inner_lock, loader_lock};
use crate::sys::raw::syscall;
use crate::sys::text;
use crate::task::green_or_wired;

/// Says so to the patches, at load.
pub fn lead() {
    find_libc();
    // SAFETY: of the same types, and as libc needs them.
    unsafe {
        patch::lead(c"connect", connect as *const ());
        patch::lead(c"creat", create as *const ());
        patch::lead(c"gettid", thread_id as *const ());
        patch::lead(c"open", open as *const ());
        patch::lead(c"openat", open_at as *const ());
        patch::lead(c"poll", poll as *const ());
        patch::lead(c"pthread_sigmask", sigmask as *const ());
        patch::lead(c"read", read as *const ());
        patch::lead(patch::LOCK, lock as *const ());
        patch::lead(patch::UNLOCK, unlock as *const ());
        patch::lead(patch::WAIT_FOR_LOCK, wait_for_lock as *const ());
        patch::lead(
            patch::WAIT_FOR_WORD,
            async_waits::wait_for_word as *const (),
        );
        patch::lead(patch::WAKE_FOR_LOCK, wake_for_lock as *const ());
    }
}

fn find_libc() {
    if let (Some(map), Some(image)) = (objects::libc(), objects::libc_image()) {
        // SAFETY: libc stays loaded, and its file begins with its first segment.
        unsafe { text::found_libc((*map).base, image.definition(c"gettid")) };
    }
}

/// `gettid(2)`: libc itself wants an id to give it to the kernel, for the signal by which `abort` ends the
/// process (glibc 2.41, nptl/pthread_kill.c). Libraries that get libc's function want the thread's.
#[unsafe(naked)]
unsafe extern "C-unwind" fn thread_id() -> pid_t {
    caller_frame!(thread_id_for)
}

unsafe extern "C-unwind" fn thread_id_for(caller: usize) -> pid_t {
    if text::is_libcs(caller) {
        // SAFETY: no arguments.
        return unsafe { syscall!(SYS_gettid) as pid_t };
    }
    // SAFETY: as the caller promises.
    unsafe { thread_ids::gettid() }
}

/// `open(2)`. libc closes what it opens by functions that cannot be seen, so no life begins.
unsafe extern "C-unwind" fn open(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { open_file(libc::AT_FDCWD, path, flags, mode) }
}

/// `openat(2)`, likewise.
unsafe extern "C-unwind" fn open_at(
    directory: c_int,
    path: *const c_char,
    flags: c_int,
    mode: mode_t,
) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { open_file(directory, path, flags, mode) }
}

/// `creat(2)`, likewise.
unsafe extern "C-unwind" fn create(path: *const c_char, mode: mode_t) -> c_int {
    let flags = libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC;
    // SAFETY: as the caller promises.
    unsafe { open_file(libc::AT_FDCWD, path, flags, mode) }
}

/// `poll(2)`, also of libc's resolver.
unsafe extern "C-unwind" fn poll(fds: *mut pollfd, count: nfds_t, timeout: c_int) -> c_int {
    // SAFETY: as the caller promises.
    lookup::asking(fds, count, || unsafe {
        super::poll::poll(fds, count, timeout)
    })
}

/// `connect(2)`, likewise.
unsafe extern "C-unwind" fn connect(
    fd: c_int,
    address: *const sockaddr,
    length: socklen_t,
) -> c_int {
    // SAFETY: as the caller promises.
    lookup::asking_by_stream(fd, || unsafe {
        super::connections::connect(fd, address, length)
    })
}

/// `read(2)`, likewise.
unsafe extern "C-unwind" fn read(fd: c_int, buffer: *mut c_void, length: size_t) -> ssize_t {
    // SAFETY: as the caller promises.
    lookup::asking_by_stream(fd, || unsafe { super::receive::read(fd, buffer, length) })
}

/// `pthread_sigmask(3)`. libc calls it in the child of its `posix_spawn`, too: that has this
/// process's memory, and a mask of its own.
unsafe extern "C" fn sigmask(how: c_int, set: *const sigset_t, old: *mut sigset_t) -> c_int {
    // SAFETY: as the caller promises.
    unsafe {
        match green_or_wired() {
            Some(me) if !lend::is_elsewhere() => change_mask(me, how, set, old),
            _ => change_natively(how, set, old),
        }
    }
}

/// Takes the lock, which was found taken (glibc, nptl/lowlevellock.c). May unwind: what libc is in was
/// compiled for that, as its own wait does.
unsafe extern "C-unwind" fn wait_for_lock(word: *const AtomicU32) {
    // SAFETY: libc's lock.
    inner_lock::lock(unsafe { &*word });
}

/// The lock is free again, and somebody may wait for it. It may be gone.
extern "C" fn wake_for_lock(word: *const AtomicU32) {
    inner_lock::wake_next(word);
}

/// `pthread_mutex_lock(3p)`.
unsafe extern "C-unwind" fn lock(mutex: *mut pthread_mutex_t) -> c_int {
    let libcs = real!(pthread_mutex_lock: OnMutex);
    // SAFETY: as the caller promises.
    unsafe { change(mutex, loader_lock::lock, libcs) }
}

/// `pthread_mutex_unlock(3p)`.
unsafe extern "C-unwind" fn unlock(mutex: *mut pthread_mutex_t) -> c_int {
    let libcs = real!(pthread_mutex_unlock: OnMutex);
    // SAFETY: as the caller promises.
    unsafe { change(mutex, loader_lock::unlock, libcs) }
}

type OnMutex = unsafe extern "C-unwind" fn(*mut pthread_mutex_t) -> c_int;

/// What `loaders` does to one of the loader's mutexes, or `libcs` to another: libc itself calls that for one of its own, which
/// it may give back elsewhere (in the wait for a condition variable of its own), or somebody who has got its address.
///
/// # Safety
/// As for `libcs`.
unsafe fn change(
    mutex: *mut pthread_mutex_t,
    loaders: impl FnOnce(&Mutex) -> c_int,
    libcs: OnMutex,
) -> c_int {
    // SAFETY: as the caller promises.
    let ours = unsafe { mutex::of(mutex) };
    if loader_lock::is_one(ours) {
        return loaders(ours);
    }
    // SAFETY: as the caller promises.
    unsafe { libcs(mutex) }
}
