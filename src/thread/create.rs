//! `pthread_create`: a husk, a start routine, a place in a run queue.

use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::sync::atomic::Ordering;

use libc::{pthread_attr_t, pthread_t};

use super::join::Life;
use super::{Critical, Kind, StartRoutine, Thread, current, entry, exit, husk, native, tcb, tls};
use crate::sched::{self, idle, runtime, switch};
use crate::settings;
use crate::signal::UNBLOCKABLE;
use crate::sys::raw::syscall;
use crate::sys::report;
use crate::sys::sigmask;

unsafe extern "C" {
    fn pthread_getattr_default_np(attributes: *mut pthread_attr_t) -> i32;
    fn pthread_attr_getstackaddr(
        attributes: *const pthread_attr_t,
        address: *mut *mut c_void,
    ) -> i32;
    fn pthread_attr_getinheritsched(attributes: *const pthread_attr_t, inherit: *mut i32) -> i32;
    fn pthread_attr_getschedpolicy(attributes: *const pthread_attr_t, policy: *mut i32) -> i32;
    fn pthread_attr_getsigmask_np(
        attributes: *const pthread_attr_t,
        mask: *mut libc::sigset_t,
    ) -> i32;
    fn pthread_attr_getaffinity_np(
        attributes: *const pthread_attr_t,
        size: usize,
        set: *mut libc::cpu_set_t,
    ) -> i32;
    fn pthread_attr_getdetachstate(attributes: *const pthread_attr_t, state: *mut i32) -> i32;
}

/// What the attributes ask for.
struct Wish {
    stack_size: usize,
    guard: usize,
    detached: bool,
    mask: Option<u64>,
    /// Something that only a kernel thread has: a stack of the program's own, a
    /// scheduling policy, an affinity.
    native: bool,
}

impl Wish {
    /// # Safety
    /// `attributes` is an initialised attribute object.
    unsafe fn read(attributes: *const pthread_attr_t) -> Self {
        let mut wish = Self {
            stack_size: 0,
            guard: 0,
            detached: false,
            mask: None,
            native: false,
        };
        let (mut state, mut inherit, mut policy) = (0, 0, 0);
        let mut address = core::ptr::null_mut();
        // SAFETY: an initialised object, and places to write to.
        unsafe {
            libc::pthread_attr_getstacksize(attributes, &mut wish.stack_size);
            libc::pthread_attr_getguardsize(attributes, &mut wish.guard);
            pthread_attr_getdetachstate(attributes, &mut state);
            pthread_attr_getstackaddr(attributes, &mut address);
            pthread_attr_getinheritsched(attributes, &mut inherit);
            pthread_attr_getschedpolicy(attributes, &mut policy);
            let mut mask = MaybeUninit::<libc::sigset_t>::zeroed();
            // A positive or zero result: the mask was set.
            if pthread_attr_getsigmask_np(attributes, mask.as_mut_ptr()) == 0 {
                wish.mask = Some(mask.as_ptr().cast::<u64>().read());
            }
            wish.native = !address.is_null()
                || inherit == libc::PTHREAD_EXPLICIT_SCHED && policy != libc::SCHED_OTHER
                || has_affinity(attributes);
        }
        wish.detached = state == libc::PTHREAD_CREATE_DETACHED;
        wish
    }

    fn default() -> Self {
        let mut attributes = MaybeUninit::<pthread_attr_t>::uninit();
        // SAFETY: initialised by the first call, on success.
        unsafe {
            if pthread_getattr_default_np(attributes.as_mut_ptr()) != 0 {
                libc::pthread_attr_init(attributes.as_mut_ptr());
            }
            let mut wish = Self::read(attributes.as_ptr());
            libc::pthread_attr_destroy(attributes.as_mut_ptr());
            if let Some(bytes) = settings::stack_size() {
                wish.stack_size = bytes;
            }
            wish
        }
    }
}

/// Whether the attributes name CPUs. glibc answers "all that there could be" for
/// those that do not.
///
/// # Safety
/// `attributes` is an initialised attribute object.
unsafe fn has_affinity(attributes: *const pthread_attr_t) -> bool {
    let mut set = MaybeUninit::<libc::cpu_set_t>::zeroed();
    // SAFETY: `set` is writable.
    unsafe {
        pthread_attr_getaffinity_np(attributes, size_of::<libc::cpu_set_t>(), set.as_mut_ptr()) == 0
            && set.as_ptr().cast::<u8>().read() != 0xff
    }
}

static NOT_STARTED: report::Once = report::Once::new();

/// `pthread_create(3)`: 0 or an error number.
///
/// # Safety
/// As for `pthread_create`.
pub unsafe fn create(
    id: *mut pthread_t,
    attributes: *const pthread_attr_t,
    start: StartRoutine,
    argument: *mut c_void,
) -> i32 {
    if runtime::start().is_err() {
        NOT_STARTED.line(&[b"cannot set up the hub; running the program's threads natively"]);
        // SAFETY: as the caller promises.
        return unsafe { native::create(id, attributes, start, argument) };
    }
    let wish = if attributes.is_null() {
        Wish::default()
    } else {
        // SAFETY: as the caller promises.
        unsafe { Wish::read(attributes) }
    };
    if wish.native {
        // SAFETY: as the caller promises.
        return unsafe { native::create(id, attributes, start, argument) };
    }
    match make(&wish, start, argument) {
        Ok(thread) => {
            // SAFETY: as the caller promises. Before the thread can run.
            unsafe { id.write(thread.pointer.get() as pthread_t) };
            let _critical = Critical::enter();
            sched::make_runnable(thread);
            // The creator may go on computing for long.
            idle::wake_for_work();
            0
        }
        Err(error) => error,
    }
}

/// A thread that is set up but in no queue.
fn make(wish: &Wish, start: StartRoutine, argument: *mut c_void) -> Result<&'static Thread, i32> {
    let me = current();
    let _critical = Critical::enter();
    let husk = husk::take(wish.stack_size, wish.guard)?;
    let thread = husk.thread;
    if husk.is_new {
        // Its donor may still be on the stack: `prepare` when it is to run.
        thread.context.set(core::ptr::null());
    } else {
        tls::refresh(thread);
        set_context(thread);
    }
    tcb::set_id(thread, tcb::new_id());
    tcb::cancelhandling(thread).store(0, Ordering::Relaxed);
    thread.start.set(Some(start));
    thread.argument.set(argument);
    thread.result.set(exit::CANCELED);
    thread.joins.store(core::ptr::null_mut(), Ordering::Relaxed);
    thread.name.set(name_of(me));
    thread.mask.store(
        wish.mask.unwrap_or_else(|| mask_of(me)) & !UNBLOCKABLE,
        Ordering::Relaxed,
    );
    thread.forget_signals();
    thread
        .alternate_stack
        .set((core::ptr::null_mut(), 0, false));
    thread.wait.store(0, Ordering::Relaxed);
    thread.set_critical(1);
    thread.become_kind(Kind::Green, thread.pointer.get());
    exit::count_in();
    // Release: who sees the life sees the thread.
    thread.life.store(
        if wish.detached {
            Life::DETACHED
        } else {
            Life::JOINABLE
        },
        Ordering::Release,
    );
    Ok(thread)
}

fn set_context(thread: &Thread) {
    let top = thread.stack_top.load(Ordering::Relaxed);
    // SAFETY: nobody uses the husk's stack.
    thread
        .context
        .set(unsafe { switch::create(top, thread.stack.usable(), entry::entry) });
}

/// Makes a new husk's first context, when somebody is about to switch to it: by
/// then its donor has usually left, and nobody waits.
#[cold]
pub fn prepare(thread: &Thread) {
    husk::await_donor(thread);
    set_context(thread);
}

fn mask_of(me: &Thread) -> u64 {
    if me.kind() == Kind::Green {
        return me.mask.load(Ordering::Relaxed);
    }
    sigmask::get()
}

fn name_of(me: &Thread) -> [u8; 16] {
    if me.kind() == Kind::Green {
        return me.name.get();
    }
    let mut name = [0u8; 16];
    // SAFETY: the kernel writes at most 16 bytes.
    unsafe { syscall!(SYS_prctl, libc::PR_GET_NAME, name.as_mut_ptr()) };
    name
}
