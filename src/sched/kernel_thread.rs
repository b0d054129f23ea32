//! Kernel threads of the runtime's own.

use core::cell::Cell;
use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::sync::atomic::AtomicU32;

use crate::glibc::real::real;
use crate::glibc::tcb::Tcb;
use crate::glibc::tls::StaticSize;
use crate::sys::raw::syscall;
use crate::sys::{futex, task_state};
use crate::task::{Thread, current, stack};

type RealCreate = unsafe extern "C" fn(
    *mut libc::pthread_t,
    *const libc::pthread_attr_t,
    extern "C" fn(*mut c_void) -> *mut c_void,
    *mut c_void,
) -> i32;

/// glibc's own `pthread_create`.
pub fn real_pthread_create() -> RealCreate {
    real!(pthread_create: RealCreate)
}

/// What a kernel thread of the runtime's own has for its frames, in bytes.
pub const STACK_SIZE: usize = 256 * 1024;

/// Starts a detached kernel thread of the runtime's own, all signals blocked, with
/// [`STACK_SIZE`] bytes beside static TLS. The stack is one of ours: glibc's would be a
/// mapping of its own with a guard, which each fork copies. Its lowest address is what
/// `place` says or, if that is 0, is going to say, whether the start succeeds or not. The thread's
/// id, or an errno.
pub fn start(
    main: extern "C" fn(*mut c_void) -> *mut c_void,
    argument: *mut c_void,
    place: &Cell<usize>,
) -> Result<libc::pthread_t, i32> {
    let wanted = STACK_SIZE + StaticSize::get().most();
    let (size, guard) = stack::extents(wanted, stack::DEFAULT_GUARD)?;
    if place.get() == 0 {
        place.set(stack::allocate(size, guard)?.base);
    }
    let state = libc::PTHREAD_CREATE_DETACHED;
    create(place.get(), size, state, main, argument)
}

/// Has glibc make a thread on the `size` bytes at `base`, joinable or detached (`PTHREAD_CREATE_*`),
/// all signals blocked: its id, or an errno.
pub fn create(
    base: usize,
    size: usize,
    state: i32,
    main: extern "C" fn(*mut c_void) -> *mut c_void,
    argument: *mut c_void,
) -> Result<libc::pthread_t, i32> {
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    let mut id = 0;
    // SAFETY: plain initialisation and use of the attribute object; the stack is nobody else's.
    let result = unsafe {
        let attributes = attributes.as_mut_ptr();
        libc::pthread_attr_init(attributes);
        libc::pthread_attr_setdetachstate(attributes, state);
        pthread_attr_setstack(attributes, base as *mut c_void, size);
        libc::sigfillset(all.as_mut_ptr());
        pthread_attr_setsigmask_np(attributes, all.as_ptr());
        let result = real_pthread_create()(&mut id, attributes, main, argument);
        libc::pthread_attr_destroy(attributes);
        result
    };
    if result == 0 { Ok(id) } else { Err(result) }
}

/// The process's id, which is that of its first kernel thread.
pub fn process() -> i32 {
    // SAFETY: no arguments.
    unsafe { syscall!(SYS_getpid) as i32 }
}

/// Whether the calling one is that.
pub fn is_first() -> bool {
    task_state::own_id() == process()
}

/// Gives the kernel thread that `thread` owns, if it does, its name: threads that it makes
/// begin with that. The process's first one shows the main thread's.
pub fn set_name(thread: &Thread) {
    let name = thread.name.get();
    match thread.kernel_thread() {
        Some(id) if id == process() => {}
        Some(_) if thread.is(current()) => {
            // SAFETY: 16 bytes, a NUL among them.
            unsafe { syscall!(SYS_prctl, libc::PR_SET_NAME, name.as_ptr()) };
        }
        Some(id) => task_state::set_name(id, &name),
        None => {}
    }
}

/// In a child that the green `me` has forked: the process is named for the thread that has, which
/// may have run on anybody's kernel thread.
pub fn set_name_in_child(me: &Thread) {
    if me.is_green() {
        let name = me.name.get();
        // SAFETY: 16 bytes, a NUL among them.
        unsafe { syscall!(SYS_prctl, libc::PR_SET_NAME, name.as_ptr()) };
    }
}

/// Whether the kernel thread of `me`, the caller, may have another name than it.
pub fn differs_in_name(me: &Thread) -> bool {
    me.is_green() && me.kernel_thread().is_none_or(|id| id == process())
}

/// Whether the calling kernel thread has children of its own, ended or not.
pub fn has_children() -> bool {
    const THAT_HAVE_ENDED: i32 = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    let options = THAT_HAVE_ENDED | libc::__WNOTHREAD | libc::__WALL;
    // SAFETY: nothing is written.
    let result = unsafe { syscall!(SYS_waitid, libc::P_ALL, 0, 0usize, options, 0usize) };
    result != -(libc::ECHILD as isize)
}

unsafe extern "C" {
    /// A stack of one's own: its lowest address and its size in bytes.
    fn pthread_attr_setstack(
        attributes: *mut libc::pthread_attr_t,
        base: *mut c_void,
        size: usize,
    ) -> i32;

    /// glibc 2.32: the signal mask that the new thread starts with.
    fn pthread_attr_setsigmask_np(
        attributes: *mut libc::pthread_attr_t,
        mask: *const libc::sigset_t,
    ) -> i32;
}

/// Ends the calling kernel thread, whose stack is never used again. The process's
/// first one stays, since /proc shows the process by it, unless it `must` end.
pub fn end(must: bool) -> ! {
    let never = AtomicU32::new(0);
    loop {
        // SAFETY: no arguments; ends this kernel thread only, whose stack is
        // never used again.
        unsafe {
            if must {
                // Of the first one the kernel would write to the TCB that it has begun
                // with: the main thread's, which runs elsewhere.
                syscall!(SYS_set_tid_address, 0);
            }
            let is_first = is_first();
            if !is_first {
                Tcb::current().drop_kernel_id();
            }
            if must || !is_first {
                syscall!(SYS_exit, 0);
            }
        }
        futex::wait(&never, 0);
    }
}
