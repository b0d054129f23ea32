//! `pthread_create`: a husk, a start routine, a place in a run queue.

use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::ptr;
use core::sync::atomic::Ordering;

use libc::{pthread_attr_t, pthread_t};

use super::donor::Lack;
use super::husk::Origin;
use super::scheduling::{self, Scheduling};
use super::{attributes, donor, exit, husk, join, name_files, native, start};
use crate::arch::entry::thread_entry;
use crate::arch::floating::Control;
use crate::glibc::signals::UNBLOCKABLE;
use crate::glibc::tcb;
use crate::glibc::tls::{self, StaticSize};
use crate::sched::loading;
use crate::sched::{self, idle, park, switch, wake};
use crate::settings;
use crate::signal::{send, shared};
use crate::sys::{sanitizers, sigmask};
use crate::task::alternate_stack::AltStack;
use crate::task::{Critical, Kind, StartRoutine, Thread, current, process};

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
    fn pthread_attr_getschedparam(
        attributes: *const pthread_attr_t,
        parameters: *mut libc::sched_param,
    ) -> i32;
    fn pthread_attr_getdetachstate(attributes: *const pthread_attr_t, state: *mut i32) -> i32;
}

/// What the attributes ask for.
struct Wish {
    stack_size: usize,
    guard: usize,
    detached: bool,
    /// Whether the attributes say how it is scheduled.
    explicit: bool,
    mask: Option<u64>,
    /// A stack of the program's own, which only a kernel thread has.
    own_stack: bool,
    /// Likewise a scheduling policy that is not the workers', or none, an affinity; its
    /// children inherit them.
    scheduling: bool,
}

impl Wish {
    /// # Safety
    /// `attributes` is an initialised attribute object.
    unsafe fn read(attributes: *const pthread_attr_t) -> Self {
        let mut wish = Self {
            stack_size: 0,
            guard: 0,
            detached: false,
            explicit: false,
            mask: None,
            own_stack: false,
            scheduling: false,
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
            wish.own_stack = !address.is_null();
            let mut parameters = libc::sched_param { sched_priority: 0 };
            pthread_attr_getschedparam(attributes, &mut parameters);
            let asked = Scheduling {
                policy,
                priority: parameters.sched_priority,
            };
            wish.explicit = inherit == libc::PTHREAD_EXPLICIT_SCHED;
            wish.scheduling =
                wish.explicit && asked != scheduling::of_workers() || has_affinity(attributes);
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
                // The user does not know how much static TLS takes.
                wish.stack_size = bytes + StaticSize::get().most();
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

/// `pthread_create(3)`, where green threads run: 0 or an error number. `None`: a handler has forked meanwhile, and this is
/// the child, where none run.
///
/// # Safety
/// As for `pthread_create`.
pub unsafe fn create(
    id: *mut pthread_t,
    attributes: *const pthread_attr_t,
    start: StartRoutine,
    argument: *mut c_void,
) -> Option<i32> {
    let wish = if attributes.is_null() {
        Wish::default()
    } else {
        // SAFETY: as the caller promises.
        unsafe { Wish::read(attributes) }
    };
    // Who has descriptors of its own shares them with the threads that it makes, and so
    // does a child of `vfork`; other things they inherit.
    let me = current();
    let distinct = wish.scheduling || me.is_distinct();
    if distinct || wish.own_stack || me.is_apart() {
        let task = native::Task::new(start, argument, distinct);
        // SAFETY: as the caller promises.
        return Some(unsafe { native::create(id, attributes, task) });
    }
    loading::before_creation();
    let mut critical = Critical::enter();
    let process = process::this();
    let made = make(&mut critical, &wish, start, argument);
    if let Ok(thread) = made {
        // SAFETY: as the caller promises. Before the thread can run.
        unsafe { id.write(thread.pointer.get() as pthread_t) };
        wake::runnable(thread);
        // The creator may go on computing for long.
        idle::wake_for_work();
    }
    drop(critical);
    match made {
        // By a handler that was put off: it came before the thread.
        _ if process::this() != process => None,
        Ok(_) => {
            // Who does nothing but make threads would make more than there is time to run.
            if me.parks() {
                park::spend(me);
            }
            Some(0)
        }
        Err(Lack::Refused(error)) => Some(error),
        Err(Lack::Elsewhere) => None,
    }
}

/// A thread that is set up but in no queue. Leaves the caller's section for what may wait; from the end of that on
/// nobody forks.
fn make(
    critical: &mut Critical,
    wish: &Wish,
    start: StartRoutine,
    argument: *mut c_void,
) -> Result<&'static Thread, Lack> {
    let me = current();
    if !sched::is_running() {
        return Err(Lack::Elsewhere);
    }
    let husk = husk::take(critical, wish.stack_size, wish.guard)?;
    let thread = husk.thread;
    match husk.origin {
        Origin::Made => {
            // Its donor may still be on the stack: `prepare` when it is to run.
            thread.seat().context.set(core::ptr::null());
            thread.floating.set(Control::read());
        }
        Origin::Copied => set_context(thread),
        Origin::Used => {
            let kept = ptr::from_ref(me).addr();
            if let Err(error) = critical.outside(|| tls::refresh(thread.tcb(), kept))? {
                husk::put(thread);
                return Err(error.into());
            }
            set_context(thread);
        }
    }
    thread.tid.store(tcb::new_id(), Ordering::Relaxed);
    if husk.origin != Origin::Made {
        thread.write_id();
    }
    thread.tcb().cancelhandling().store(0, Ordering::Relaxed);
    thread.start.set(Some(start));
    thread.argument.set(argument);
    thread.result.set(join::CANCELED);
    thread.asked.set(wish.stack_size, wish.explicit);
    thread.joins.store(core::ptr::null_mut(), Ordering::Relaxed);
    name_files::catch_up();
    thread.name.set(attributes::name_of(me));
    let mask = wish.mask.unwrap_or_else(|| mask_of(me)) & !UNBLOCKABLE;
    thread.mask.begin(mask);
    thread.cpu_time.clear();
    thread.settled_mask.store(mask, Ordering::Relaxed);
    if mask != 0 {
        shared::need();
    }
    thread.pending.open(send::give_back);
    shared::accept(!mask);
    thread.forget_signals();
    thread.alternate_stack.set(AltStack::NONE);
    thread.suspended_mask.set(None);
    thread.seat().word.clear();
    thread.haste.forget();
    thread.forget_ties();
    thread.set_rank(scheduling::of_workers().rank());
    thread.set_critical(1);
    thread.become_kind(Kind::Green, thread.pointer.get());
    exit::count_in();
    thread.life.begin(wish.detached);
    sanitizers::add_root(thread.stack.base(), thread.stack.size());
    Ok(thread)
}

thread_entry!(start::main);

fn set_context(thread: &Thread) {
    let top = thread.stack_top.load(Ordering::Relaxed);
    // SAFETY: nobody uses the husk's stack.
    thread
        .seat()
        .context
        .set(unsafe { switch::create(top, thread.stack.base(), entry) });
}

/// Makes a new husk's first context, when somebody is about to switch to it: by
/// then its donor has usually left, and nobody waits.
#[cold]
pub fn prepare(thread: &Thread) {
    donor::await_donor(thread);
    thread.write_id();
    // A context begins with what its maker has.
    let own = Control::read();
    // SAFETY: both have been read; nothing is computed in between.
    unsafe {
        thread.floating.get().set();
        set_context(thread);
        own.set();
    }
}

fn mask_of(me: &Thread) -> u64 {
    if me.kind() == Kind::Green {
        return me.mask.get();
    }
    sigmask::get()
}
