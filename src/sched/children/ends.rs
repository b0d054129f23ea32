//! The two kernel threads that know when children end.
//!
//! Both have a table of descriptors of their own, with nothing in it but an epoll descriptor
//! and one of each child: so the program finds none among its numbers, its children inherit
//! none, and its limit on them is not used up. One thread opens a child's descriptor when
//! it is asked to. The other waits until one says that its child has ended.

use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::ptr;
use core::sync::atomic::{AtomicI32, Ordering};

use super::table::{self, Token};
use super::{ENDS, tracing};
use crate::hub::descriptor::{self, Direction};
use crate::sched::wake;
use crate::sched::worker::Worker;
use crate::sys::open_files;
use crate::sys::raw::{is_refused, syscall};
use crate::task::current;

/// Ends taken from the kernel at once.
const BATCH: usize = 64;

/// The epoll descriptor, in the table of the two. Made anew in a forked child that needs it.
static EPOLL: AtomicI32 = AtomicI32::new(-1);

/// Starts both; false if they cannot be had, and then nobody waits for them. For the
/// monitor.
pub(super) fn start() -> bool {
    tracing::init() && Worker::start_service(wait_for_ends).is_ok()
}

/// There will be no telling: who waits looks for himself, and those to come as well.
pub(super) fn refuse() {
    ENDS.fail();
    while let Some((token, _)) = table::take_asked() {
        table::end(token);
    }
    tell_at_descriptors();
}

/// Nothing but an epoll descriptor in a table of descriptors that nobody else has.
fn go_apart() -> bool {
    // SAFETY: the caller's kernel thread is the runtime's own, and uses no descriptor.
    let alone = unsafe { open_files::leave_all() };
    if alone {
        current().set_apart();
        // SAFETY: makes a descriptor.
        let epoll = unsafe { syscall!(SYS_epoll_create1, libc::EPOLL_CLOEXEC) };
        EPOLL.store(epoll as i32, Ordering::Relaxed);
    }
    alone && EPOLL.load(Ordering::Relaxed) >= 0
}

fn close(fd: i32) {
    // SAFETY: a descriptor of the caller's own table.
    unsafe { syscall!(SYS_close, fd) };
}

extern "C" fn wait_for_ends(worker: *mut c_void) -> *mut c_void {
    // SAFETY: passed to this start routine.
    let worker = unsafe { Worker::begin(worker) };
    // The other one begins with this one's table.
    if !go_apart() || Worker::start_service(open_descriptors).is_err() {
        refuse();
        worker.leave();
        return ptr::null_mut();
    }
    let mut events = [const { MaybeUninit::<libc::epoll_event>::uninit() }; BATCH];
    let epoll = EPOLL.load(Ordering::Relaxed);
    loop {
        // SAFETY: the kernel fills at most so many elements.
        let count = unsafe {
            let (all, mask) = (-1isize, 0usize);
            syscall!(
                SYS_epoll_pwait,
                epoll,
                events.as_mut_ptr(),
                BATCH,
                all,
                mask
            )
        };
        if is_refused(count) {
            // By a filter that has come since.
            refuse();
            table::tell_all();
            worker.leave();
            return ptr::null_mut();
        }
        for event in &events[..count.max(0) as usize] {
            // SAFETY: just filled by the kernel.
            let token = Token(unsafe { event.assume_init_ref() }.u64);
            if let Some(fd) = table::end(token) {
                close(fd);
            }
        }
    }
}

extern "C" fn open_descriptors(worker: *mut c_void) -> *mut c_void {
    // SAFETY: passed to this start routine.
    unsafe { Worker::begin(worker) };
    current().set_apart();
    let mut was_tracing = false;
    loop {
        let heard = tracing::bell();
        if !was_tracing && tracing::is_tracing() {
            was_tracing = true;
            table::tell_all();
            tell_at_descriptors();
        }
        while let Some((token, pid)) = table::take_asked() {
            if !watch(token, pid)
                && let Some(fd) = table::end(token)
            {
                close(fd);
            }
        }
        tracing::wait_for_bell(heard);
    }
}

/// Lets all look who wait at descriptors of the program's, of children or of something else.
fn tell_at_descriptors() {
    wake::collecting(|woken| {
        for entry in descriptor::in_use(0, u32::MAX).filter_map(descriptor::get) {
            entry.retry(Direction::Read, woken);
        }
    });
}

/// Has the other thread told of the child's end; false if it will not be.
fn watch(token: Token, pid: i32) -> bool {
    let mut interest = libc::epoll_event {
        events: (libc::EPOLLIN | libc::EPOLLONESHOT) as u32,
        u64: token.0,
    };
    let epoll = EPOLL.load(Ordering::Relaxed);
    // SAFETY: numbers, and a live `interest`.
    unsafe {
        let fd = syscall!(SYS_pidfd_open, pid, 0) as i32;
        if fd < 0 {
            return false;
        }
        table::opened(token, fd);
        let add = libc::EPOLL_CTL_ADD;
        syscall!(SYS_epoll_ctl, epoll, add, fd, &raw mut interest) == 0 && is_child(pid)
    }
}

/// Whether `pid` is a child of this process, ended or not: somebody else may have waited for
/// it while its descriptor was opened, which may be a stranger's then.
fn is_child(pid: i32) -> bool {
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT | libc::__WALL;
    // SAFETY: nothing is written.
    unsafe { syscall!(SYS_waitid, libc::P_PID, pid, 0usize, options, 0usize) == 0 }
}
