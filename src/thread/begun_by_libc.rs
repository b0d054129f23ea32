//! Main threads that libc has begun: in a child that a thread of libc's own has forked (that of a
//! `SIGEV_THREAD`, for one).
//!
//! Such a thread comes to its end in libc's first frame, in `start_thread`, which would end the *kernel*
//! thread that it happens to be on. What that calls before (glibc, nptl/pthread_create.c) are the destructors
//! of keys. So the thread gets a value of a key of libgreen's own, whose destructor does not return.

use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::ptr;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use libc::{pthread_attr_t, pthread_key_t, pthread_t};

use super::exit;
use super::keys::Destructor;
use crate::arch::thread::pointer;
use crate::glibc::real::real;
use crate::task::{Kind, Thread, current};

/// The thread pointer of the process's first thread, whose end [the start of `main`](crate::hooks) sees. A
/// forked child keeps it: its only thread is that one or another.
static FIRST: AtomicUsize = AtomicUsize::new(0);
/// One more than the key. A forked child keeps it.
static KEY: AtomicU32 = AtomicU32::new(0);

unsafe extern "C" {
    fn pthread_setspecific(key: pthread_key_t, value: *const c_void) -> i32;
    fn pthread_attr_getdetachstate(attributes: *const pthread_attr_t, state: *mut i32) -> i32;
}

/// The caller is the process's first thread.
pub fn note_first() {
    FIRST.store(pointer(), Ordering::Relaxed);
}

/// `me`, the caller, has become the main thread. If libc has begun it its end is libgreen's from here on, and
/// it is detached if it was.
pub fn adopt(me: &Thread) {
    let first = FIRST.load(Ordering::Relaxed);
    if me.is_husk() || first == 0 || first == pointer() {
        return;
    }
    me.life.begin(is_detached());
    if KEY.load(Ordering::Relaxed) == 0 {
        let mut key = 0;
        type Create = unsafe extern "C-unwind" fn(*mut pthread_key_t, Option<Destructor>) -> i32;
        let real = real!(pthread_key_create: Create);
        // SAFETY: `key` is writable. Where there is none left the end stays libc's.
        if unsafe { real(&mut key, Some(end)) } == 0 {
            KEY.store(key + 1, Ordering::Relaxed);
        }
    }
    renew();
}

/// The calling thread is about to go back to its first frame. If one of the destructors that libc calls there
/// does so libc calls none a second time, unless a value was set since. (Then those that are left are called,
/// too, which natively are not.)
pub fn renew() {
    let me = current();
    let key = KEY.load(Ordering::Relaxed);
    if key != 0
        && me.kind() == Kind::Green
        && !me.is_husk()
        && FIRST.load(Ordering::Relaxed) != pointer()
    {
        // SAFETY: the key is not deleted, and its values are not looked at.
        unsafe { pthread_setspecific(key - 1, ptr::dangling()) };
    }
}

/// Whether libc has the calling thread, which it has begun, as detached.
fn is_detached() -> bool {
    let mut attributes = MaybeUninit::<pthread_attr_t>::uninit();
    let mut state = 0;
    type Read = unsafe extern "C-unwind" fn(pthread_t, *mut pthread_attr_t) -> i32;
    let read = real!(pthread_getattr_np: Read);
    // SAFETY: the calling thread's own attributes, initialised by the first call.
    unsafe {
        let attributes = attributes.as_mut_ptr();
        if read(libc::pthread_self(), attributes) != 0 {
            return false;
        }
        pthread_attr_getdetachstate(attributes, &mut state);
        libc::pthread_attr_destroy(attributes);
    }
    state == libc::PTHREAD_CREATE_DETACHED
}

/// The key's destructor. glibc runs them in the order of their keys.
unsafe extern "C-unwind" fn end(_: *mut c_void) {
    let me = current();
    // In a child of its own that has made no thread the end is libc's.
    if me.kind() == Kind::Green {
        exit::finish_behind(me, KEY.load(Ordering::Relaxed))
    }
}
